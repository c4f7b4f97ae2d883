export * as method from "./method/index.js";
