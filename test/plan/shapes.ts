import { catalogueShape } from "../../sdk/plan/model-catalogue.js";
import type { ModelShape } from "../../sdk/plan/model-shape.js";

/** The shape of a model of the catalogue: `shapeOf("Qwen2.5-VL-7B")`. */
export function shapeOf(name: string): ModelShape {
  const shape = catalogueShape(`Qwen/${name}-Instruct`);
  if (shape === undefined) throw new Error(`${name} is not in the catalogue`);
  return shape;
}
