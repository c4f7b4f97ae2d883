import { MethodError, type MethodFault } from "../../sdk/method/index.js";

/** The fault of the MethodError that `work` throws. */
export function thrownFault(work: () => unknown): MethodFault {
  try {
    work();
  } catch (error) {
    if (error instanceof MethodError) return error.fault;
    throw error;
  }
  throw new Error("expected a MethodError, nothing was thrown");
}
