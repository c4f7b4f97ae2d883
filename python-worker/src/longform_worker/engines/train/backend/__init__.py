"""How the weights of a training are held and moved: whole on every rank, or split over the ranks by DeepSpeed."""
