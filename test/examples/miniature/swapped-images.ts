import type { BenchItem } from "longform";
import { trueFacts } from "../../../examples/miniature/measures.js";
import { benchItems } from "../../../examples/miniature/world.js";

type Items = ReturnType<typeof benchItems>;

/**
 * The benchmark's items with the images of other ones: each gets those of the next item in its language with as many
 * pages. `facts` stay those of the images that are gone; `shown` are those of the images that have come.
 */
export function swappedItems(wanted: { seed: number; count: number }): Items {
  const items = benchItems(wanted);
  return items.map((item) => {
    const alike = items.filter(
      ({ language, images }) => language === item.language && images.length === item.images.length,
    );
    const other = alike[(alike.indexOf(item) + 1) % alike.length] ?? item;
    return { ...item, images: other.images, shown: other.facts };
  });
}

/** Share of the facts of the images that the model saw. */
export function factsShown(item: BenchItem, text: string): number {
  return trueFacts({ ...item, facts: item["shown"] }, text);
}

/** Share of the facts of the images that it did not see. */
export function factsGone(item: BenchItem, text: string): number {
  return trueFacts(item, text);
}
