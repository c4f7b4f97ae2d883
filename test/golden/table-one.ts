/** Table 1 of arXiv 2502.14834: the published S, S_l and S_q of thirteen models, to one decimal. */
export const TABLE_ONE: readonly {
  readonly model: string;
  readonly overall: number;
  readonly length: number;
  readonly quality: number;
}[] = [
  { model: "Caption + GLM-4-9B-Chat", overall: 71.3, length: 62.0, quality: 80.6 },
  { model: "Caption + GPT-4o-2024-08-06", overall: 77.1, length: 66.6, quality: 87.5 },
  { model: "Caption + Mistral-Large-Instruct-2407", overall: 78.9, length: 69.6, quality: 88.2 },
  { model: "Caption + DeepSeek-R1", overall: 82.4, length: 70.3, quality: 94.5 },
  { model: "MiniCPM-V2.6", overall: 54.1, length: 30.3, quality: 77.8 },
  { model: "Qwen2.5-VL-7B-Instruct", overall: 54.4, length: 45.3, quality: 63.5 },
  { model: "Qwen2.5-VL-72B-Instruct", overall: 83.3, length: 79.9, quality: 86.7 },
  { model: "Claude-3-Opus-20240229", overall: 61.7, length: 41.5, quality: 82.0 },
  { model: "GPT-4o-2024-08-06", overall: 62.7, length: 42.7, quality: 82.6 },
  { model: "Gemini-1.5-Pro", overall: 83.0, length: 74.8, quality: 91.2 },
  { model: "LongWriter-V-7B", overall: 81.8, length: 82.5, quality: 81.1 },
  { model: "LongWriter-V-7B-DPO", overall: 84.6, length: 86.2, quality: 82.9 },
  { model: "LongWriter-V-72B", overall: 84.9, length: 84.3, quality: 85.5 },
];
