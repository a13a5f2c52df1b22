/** Long ids, cut in the middle, because beginnings and ends are what people compare. */
export function shortened(value: string, ends = 6): string {
  return value.length <= ends * 2 + 2 ? value : `${value.slice(0, ends)}…${value.slice(-ends)}`;
}
