// The one door to yargs. Everything a command needs beside it is loaded when that command runs.
export { default as yargs } from "yargs";
export type { Argv } from "yargs";
