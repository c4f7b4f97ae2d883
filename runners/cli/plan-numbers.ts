/** Stands between a number and its unit, which belong on one line; whoever prints puts a space there. */
export const unitSpace = "\u00a0";

/** A whole number with its thousands set apart. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** "1 row", "2 rows". */
export function counted(value: number, name: string): string {
  return `${count(value)} ${name}${value === 1 ? "" : "s"}`;
}

/** A large count in thousands, millions or billions. */
export function compact(value: number): string {
  if (value >= 1e9)
    return `${(value / 1e9).toLocaleString("en-US", { minimumFractionDigits: 3, maximumFractionDigits: 3 })}${unitSpace}B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}${unitSpace}M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(1)}${unitSpace}k` : count(value);
}

export function bytes(value: number): string {
  if (value >= 1e12) return `${(value / 1e12).toFixed(2)}${unitSpace}TB`;
  if (value >= 1e11) return `${(value / 1e9).toFixed(0)}${unitSpace}GB`;
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)}${unitSpace}GB`;
  if (value >= 1e8) return `${(value / 1e6).toFixed(0)}${unitSpace}MB`;
  return value >= 1e5 ? `${(value / 1e6).toFixed(1)}${unitSpace}MB` : `${(value / 1e3).toFixed(1)}${unitSpace}kB`;
}

export function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value.toPrecision(2)}${unitSpace}%`;
}

/** Minutes below two hours. */
export function hours(value: number): string {
  if (value >= 2) return `${value >= 100 ? count(value) : value.toFixed(1)}${unitSpace}h`;
  const minutes = 60 * value;
  return minutes >= 1 ? `${minutes.toFixed(0)}${unitSpace}min` : `${(60 * minutes).toFixed(0)}${unitSpace}s`;
}
