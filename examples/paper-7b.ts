// The training of LongWriter-V-7B with its published values. `longform plan` says what it takes: it needs neither
// weights nor rows nor a network for that.
import { experiment, presets } from "longform";

export default experiment("longwriter-v-7b", (x) => {
  x.sft("sft", presets.longWriterV7b());
});
