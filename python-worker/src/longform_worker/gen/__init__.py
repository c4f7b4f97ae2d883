"""Generated from proto/longform/v1 by `npm run gen`; not edited by hand."""
