// `npm run bench -- [NAME …] [--list] [--check]`: measures, and ends each bench with one JSON line.
import { parseArgs } from "node:util";
import { type Bench, machine, type Measurement } from "./measurement.js";
import { benches } from "./registry.js";

const HELP = `npm run bench                 every bench, then a table
npm run bench -- NAME ...     some of them
npm run bench -- --list       their names and what they measure
npm run bench -- --check      exit code 1 when one does not reach its target (otherwise being slow is no failure)`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { list: { type: "boolean" }, check: { type: "boolean" }, help: { type: "boolean" } },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  if (values.list === true) {
    for (const { name, what } of benches) console.log(`${name.padEnd(20)} ${what}`);
    return 0;
  }
  const unknown = positionals.filter((wanted) => !benches.some(({ name }) => name === wanted));
  if (unknown.length > 0) {
    console.error(`There is no bench ${unknown.join(", ")}: there are ${benches.map(({ name }) => name).join(", ")}.`);
    return 2;
  }
  const chosen = benches.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const measured: Measurement[] = [];
  for (const bench of chosen) measured.push(await measure(bench));
  if (measured.length > 1) printTable(measured);
  return values.check === true && measured.some(({ holds }) => !holds) ? 1 : 0;
}

async function measure({ name, what, measure }: Bench): Promise<Measurement> {
  console.log(`${name}: ${what}`);
  const found = await measure((line) => console.log(`  ${line}`));
  const measurement = { name, ...found, machine: machine() };
  console.log(JSON.stringify(measurement));
  return measurement;
}

function printTable(measured: readonly Measurement[]): void {
  const cells = measured.map(({ name, ours, theirs, unit, ratio, target, holds }) => [
    name,
    `${ours.toPrecision(3)} ${unit}`,
    theirs.toPrecision(3),
    ratio.toPrecision(3),
    target,
    holds ? "holds" : "MISSED",
  ]);
  const rows = [["bench", "ours", "theirs", "ratio", "target", ""], ...cells];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
}

process.exitCode = await main();
