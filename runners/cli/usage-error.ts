/** Something on the command line that the user must change; its message says what. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
