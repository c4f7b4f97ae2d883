import { z } from "zod";

/** Repository, revision and token of something on a hub. */
export const hubFields = {
  repository: z
    .string()
    .regex(/^[\w.-]+\/[\w.-]+$/, "organisation/name")
    .describe("The repository: organisation/name."),
  revision: z.string().min(1).default("main").describe("A commit, tag or branch; a commit is the only one that lasts."),
  tokenVariable: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/, "the name of an environment variable, such as HF_TOKEN")
    .optional()
    .describe("Environment variable that holds the token; the token itself is never part of a spec."),
};
