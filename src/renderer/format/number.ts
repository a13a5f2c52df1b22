/** Numbers as people read them: grouped, with their unit. */
const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const TENTH = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

export function grouped(value: number): string {
  return WHOLE.format(value);
}

/** `counted(1, 'device')` is “1 device”, `counted(2, 'device')` “2 devices”. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${grouped(value)} ${value === 1 ? one : many}`;
}

export function bytes(value: number): string {
  if (value < 1024) return counted(value, 'byte');
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = value;
  let unit = -1;
  do {
    scaled /= 1024;
    unit += 1;
  } while (scaled >= 1024 && unit < units.length - 1);
  return `${scaled < 10 ? TENTH.format(scaled) : WHOLE.format(scaled)} ${units[unit] ?? ''}`;
}

/** A share in whole percent that is 0 or 100 only when it really is. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %';
  if (part >= whole) return '100 %';
  return `${Math.min(99, Math.max(1, Math.round((part / whole) * 100)))} %`;
}

/** A span of time, rounded to what matters: “24 s”, “3 min”, “2 h 10 min”, “41 days”. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.round(hours / 24);
  return counted(days, 'day');
}
