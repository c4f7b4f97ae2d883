/** The system's word for what went wrong (`ENOENT`, `ENOSPC`, …); undefined when the error is not the system's. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** For `.catch`: undefined for a path that does not exist; every other error is thrown on. */
export function absent(error: unknown): undefined {
  if (errno(error) === "ENOENT") return undefined;
  throw error;
}
