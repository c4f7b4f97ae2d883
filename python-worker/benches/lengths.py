"""Required lengths in words of the 120 instructions of LongBench-Write, as numbers alone.

Source: the dataset LongBench-Write of "LongWriter: Unleashing 10,000+ Word Generation from Long Context LLMs"
(Bai et al., 2024).
"""

# Words: how many instructions ask for so many.
LONG_BENCH_WRITE = {
    100: 2, 150: 1, 200: 8, 300: 3, 400: 12, 500: 6, 600: 7, 800: 10, 1_000: 2, 1_200: 6,
    1_400: 1, 1_500: 2, 1_600: 1, 1_800: 1, 2_000: 13, 2_200: 1, 2_400: 2, 2_500: 3, 2_800: 1, 3_000: 10,
    3_500: 1, 4_000: 2, 5_000: 9, 6_000: 3, 7_000: 1, 8_000: 2, 10_000: 6, 12_000: 1, 15_000: 2, 20_000: 1,
}  # fmt: skip
