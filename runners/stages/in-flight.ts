/** Runs `work` for every entry, at most `limit` at one time. The first error stops new work and is thrown after the rest has ended. */
export async function forEachInFlight<Entry>(
  entries: readonly Entry[],
  limit: number,
  work: (entry: Entry) => Promise<void>,
): Promise<void> {
  const queue = entries[Symbol.iterator]();
  const errors: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (const entry of queue) {
      try {
        await work(entry);
      } catch (error) {
        errors.push(error);
      }
      if (errors.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, entries.length) }, lane));
  if (errors.length > 0) throw errors[0];
}
