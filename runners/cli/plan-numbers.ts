/** A whole number with its thousands set apart. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** A large count in thousands, millions or billions. */
export function compact(value: number): string {
  if (value >= 1e9)
    return `${(value / 1e9).toLocaleString("en-US", { minimumFractionDigits: 3, maximumFractionDigits: 3 })} B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(1)} k` : count(value);
}

export function bytes(value: number): string {
  if (value >= 1e12) return `${(value / 1e12).toFixed(2)} TB`;
  if (value >= 1e11) return `${(value / 1e9).toFixed(0)} GB`;
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} GB`;
  if (value >= 1e8) return `${(value / 1e6).toFixed(0)} MB`;
  return value >= 1e5 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e3).toFixed(1)} kB`;
}

export function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value.toPrecision(2)} %`;
}

/** Minutes below two hours. */
export function hours(value: number): string {
  if (value >= 2) return `${value >= 100 ? count(value) : value.toFixed(1)} h`;
  const minutes = 60 * value;
  return minutes >= 1 ? `${minutes.toFixed(0)} min` : `${(60 * minutes).toFixed(0)} s`;
}
