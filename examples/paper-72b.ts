// The training of LongWriter-V-72B with its published values, on the 24 devices that its model card names.
import { experiment, presets } from "longform";

export default experiment("longwriter-v-72b", (x) => {
  x.sft("sft", presets.longWriterV72b());
});
