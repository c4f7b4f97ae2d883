/** Texts with their word counts: `paper` as real Python counts them, `strict` by hand from the rule of strict-words/1. */
export const WORD_VECTORS: readonly { readonly text: string; readonly paper: number; readonly strict: number }[] = [
  { text: "", paper: 0, strict: 0 },
  { text: " \n\t\u00a0", paper: 0, strict: 0 },
  { text: "使用GPT模型生成", paper: 6, strict: 7 },
  { text: "GPT4 and GPT-4o", paper: 2, strict: 3 },
  { text: "don't well-known café naïve", paper: 4, strict: 4 },
  { text: "3,000 words in 2024", paper: 2, strict: 4 },
  { text: "snake_case_x", paper: 0, strict: 1 },
  { text: "日本語テスト", paper: 3, strict: 6 },
  { text: "e.g. U.S.A.", paper: 5, strict: 2 },
  // An accent as a combining mark is no word character for Python, so the letters before it are a word.
  { text: "cafe\u0301 cafe\u0301s", paper: 3, strict: 2 },
  // Extension B: a surrogate pair is one ideograph, and outside the published range.
  { text: "\u{20bb7}野家", paper: 2, strict: 3 },
  { text: "人々 〇 \uf900", paper: 1, strict: 4 },
  { text: "スーパー ﾃﾞｰﾀ が", paper: 0, strict: 8 },
  { text: "한국어를 공부합니다", paper: 0, strict: 2 },
  { text: "ㄅㄆ", paper: 0, strict: 2 },
  { text: "第3章，共12节。", paper: 4, strict: 6 },
  { text: "👩‍👩‍👧 🏳️‍🌈 👍🏽 ok", paper: 1, strict: 1 },
  { text: "— … !? *** ### ---", paper: 0, strict: 0 },
  { text: "and/or AT&T a–b", paper: 6, strict: 6 },
  { text: "a--b -x- it’s", paper: 5, strict: 4 },
  { text: "2024-05-01 3.14 1,5", paper: 0, strict: 3 },
  { text: "one,two", paper: 2, strict: 2 },
  { text: "x² ½ ①", paper: 0, strict: 1 },
  { text: "Straße Ελλάδα Привет مرحبا שלום हिन्दी", paper: 0, strict: 6 },
  { text: "می\u200cخواهم", paper: 0, strict: 1 },
  { text: "soft\u00adhyphen zero\u200bwidth", paper: 4, strict: 3 },
  // Eleven Thai letters are three begun groups of four; vowel signs and tone marks are no letters.
  { text: "ประเทศไทยมี", paper: 0, strict: 3 },
  { text: "\ud800 a \udc00", paper: 1, strict: 1 },
];
