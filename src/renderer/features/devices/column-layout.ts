/**
 * How wide each column of the device table is. Columns have a least width, a share of what is left over, and a rank:
 * where there is too little room the last ranks are left out (the drawer has them), so nothing is ever cut or scrolled
 * sideways.
 */
export interface ColumnRoom {
  readonly id: string;
  readonly least: number;
  readonly grow: number;
  readonly most: number;
  /** 0 is always shown. */
  readonly rank: number;
}

export interface ColumnLayout {
  /** In order. */
  readonly visible: ReadonlySet<string>;
  /** Widths of the visible ones, in order. */
  readonly widths: readonly number[];
}

export function columnLayout(columns: readonly ColumnRoom[], room: number): ColumnLayout {
  const visible = new Set<string>();
  let used = 0;
  const byRank = [...columns].sort((one, other) => one.rank - other.rank);
  for (const { id, least, rank } of byRank) {
    if (rank > 0 && used + least > room) break;
    visible.add(id);
    used += least;
  }
  const shown = columns.filter(({ id }) => visible.has(id));
  const widths = shown.map(({ least }) => least);
  let left = room - used;
  // Shares are given again until nobody that could grow is left or nothing is left to give.
  let growing = shown.flatMap(({ grow }, index) => (grow > 0 ? [index] : []));
  while (left >= 1 && growing.length > 0) {
    const shares = growing.reduce((sum, index) => sum + (shown[index]?.grow ?? 0), 0);
    let given = 0;
    for (const index of growing) {
      const column = shown[index];
      const width = widths[index];
      if (column === undefined || width === undefined) continue;
      const more = Math.min(Math.floor((left * column.grow) / shares), column.most - width);
      widths[index] = width + more;
      given += more;
    }
    if (given === 0) break;
    left -= given;
    growing = growing.filter((index) => (widths[index] ?? 0) < (shown[index]?.most ?? 0));
  }
  return { visible: new Set(shown.map(({ id }) => id)), widths };
}
