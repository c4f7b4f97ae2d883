import type { Grammar } from "./grammar.js";
import { names } from "./names.js";

const pages = names(
  [...["一", "二", "三", "四", "五", "六"].entries()].map(([index, word]) => [index + 1, word]),
  "^第(ALL)页",
);
const counts = names(
  [...["一", "两", "三", "四"].entries()].map(([index, word]) => [index + 1, word]),
  "(ALL)个",
);
const colours = names(
  [
    ["red", "红色"],
    ["blue", "蓝色"],
    ["green", "绿色"],
    ["yellow", "黄色"],
    ["purple", "紫色"],
    ["black", "黑色"],
  ],
  "(ALL)",
);
const shapes = names(
  [
    ["ring", "圆环"],
    ["square", "方块"],
    ["bar", "长条"],
  ],
  "(ALL)",
);

const manners = ["仔细", "安静", "慢慢", "认真"] as const;
const qualities = ["简单", "清楚", "重要", "细小"] as const;
const looks = (order: string) => manners.map((manner) => `${order}我们${manner}地看图。`);
const points = (order: string) => qualities.map((quality) => `${order}来看${quality}的要点。`);
const details = (order: string) => qualities.map((quality) => `${order}还有${quality}的细节。`);

/** Openings of nine characters ("第二页：三个红色圆环。"), eleven with their verb; nine a sentence after. */
export const chinese: Grammar = {
  instruction: (requiredLength) => `请为图片写一篇大约${requiredLength}字的讲稿。`,
  opening({ page, count, colour, shape }, form) {
    const verb = form === "note" ? "" : "出现";
    return `第${pages.name(page)}页：${counts.name(count)}个${colours.name(colour)}${shapes.name(shape)}${verb}。`;
  },
  following: [
    [...looks("首先"), ...points("首先")],
    [...points("接着"), ...details("接着")],
    [...details("然后"), ...looks("然后")],
  ],
  gap: "",
  lengthStep: 5,
  sentences: (text) => text.split(/(?<=。)|\n+/u).flatMap((part) => part.trim() || []),
  read(sentence) {
    const page = pages.find(sentence);
    if (page === undefined) return undefined;
    const rest = sentence.replace(/^第.页/u, "");
    return {
      page,
      count: counts.find(rest),
      colour: colours.find(rest),
      shape: shapes.find(rest),
    };
  },
};
