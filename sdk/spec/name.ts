import { z } from "zod";

/** Name of an experiment or stage: it becomes part of file names and of the command line. */
export const Name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}$/,
    "lower-case letters, digits, '.', '_' and '-', at most 63, starting with a letter or digit",
  )
  .describe("Lower-case letters, digits, dots, underscores and hyphens.");
