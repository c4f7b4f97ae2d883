// Inside the thread of user functions. JavaScript, so that the thread starts from the sources as it does from dist.
import { parentPort } from "node:worker_threads";

/** @typedef {import("./user-code-thread.js").Question} Question */

parentPort?.on("message", (/** @type {{ id: number, question: Question }} */ { id, question }) => {
  void answer(id, question);
});

/**
 * @param {number} id
 * @param {Question} question
 */
async function answer(id, question) {
  try {
    const value = await valueOf(question);
    try {
      reply(id, { kind: "value", value });
    } catch (error) {
      reply(id, { kind: "thrown", words: `What it returned is not plain data: ${wordsOf(error)}` });
    }
  } catch (error) {
    reply(id, { kind: "thrown", words: wordsOf(error) });
  }
}

/**
 * @param {Question} question
 * @returns {Promise<unknown>}
 */
async function valueOf(question) {
  /** @type {unknown} */
  const found = Reflect.get(await import(question.url), question.name);
  if (question.kind === "type") return typeof found;
  if (typeof found !== "function") throw new TypeError(`${question.name} is no function`);
  return await Reflect.apply(found, undefined, question.values);
}

/**
 * @param {number} id
 * @param {import("./user-code-thread.js").Answer} answer
 */
function reply(id, answer) {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
  parentPort?.postMessage({ id, answer });
}

/** Anything can be thrown, also what has no words. @param {unknown} error */
function wordsOf(error) {
  try {
    return String(error);
  } catch {
    return "something that is no error";
  }
}
