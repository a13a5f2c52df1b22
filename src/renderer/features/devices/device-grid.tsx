/**
 * The device table: of any number of rows only the seen ones exist. Keyboard and screen readers find a grid of the true
 * size (`aria-rowcount`), whose active row follows the arrows.
 *
 * The rows lie in a window that stays in place while the room behind it scrolls, and are moved to the scrolled place when
 * they are there. So a fast scroll shows the rows before it a moment longer instead of nothing at all.
 */
import { FlexRender, useTable, type Row } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { memo, useEffect, useImperativeHandle, useMemo, useRef, useState } from 'react';
import type { DeviceFilter, DeviceRow } from '../../../contract/devices';
import { useLate } from '../../hooks/use-late';
import { holdsCommand } from '../../hooks/use-shortcut';
import { useSize } from '../../hooks/use-size';
import { columnLayout, type ColumnLayout } from './column-layout';
import { deviceColumns, deviceFeatures, deviceRoom, WHOLE_UDID } from './device-columns';
import { isWatched, type DeviceList, type DevicePages } from './device-pages';
import { isSelected, selectedCount, type Selection } from './selection';
import './device-grid.css';

const ROW = 28;
const CHECK = 32;
/** How long rows that are on their way are waited for before their places are shown empty. */
const PATIENCE = 150;

export interface GridHandle {
  readonly focus: () => void;
  /** Brings a row into view. */
  readonly reveal: (place: number) => void;
  readonly toTop: () => void;
  /** Rows that fit. */
  readonly pageSize: () => number;
}

export interface RowClick {
  readonly place: number;
  readonly toggles: boolean;
  readonly extends: boolean;
}

interface DeviceGridProps {
  readonly ref: React.Ref<GridHandle>;
  readonly pages: DevicePages;
  readonly list: DeviceList;
  readonly selection: Selection;
  readonly active: number | null;
  /** Id of the device in the drawer. */
  readonly opened: string | null;
  readonly onKeyDown: (event: React.KeyboardEvent) => void;
  readonly onRow: (click: RowClick) => void;
  readonly onToggle: (place: number, extend: boolean) => void;
  readonly onToggleAll: () => void;
  readonly onSort: (sort: DeviceFilter['sort']) => void;
}

/** What is painted: rows from a place on, and how far the first one is above the window. */
interface Painted {
  readonly first: number;
  readonly shift: number;
  readonly rows: readonly (DeviceRow | undefined)[];
}

const NO_ROWS: DeviceRow[] = [];

export function DeviceGrid(props: DeviceGridProps): React.JSX.Element {
  const { ref, pages, list, selection, active, opened, onKeyDown, onRow, onToggle, onToggleAll, onSort } = props;
  const grid = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const [measure, size] = useSize();
  const height = size?.height ?? 0;
  const { sort } = list.filter;
  const planned = Object.keys(list.facets.actions).length > 0;
  const watched = isWatched(list);
  const layout = useMemo(
    () => layoutFor((size?.width ?? 960) - CHECK, sort, planned, watched),
    [size?.width, sort, planned, watched],
  );
  const visibility = useMemo(
    () => Object.fromEntries(deviceRoom(watched).map(({ id }) => [id, layout.visible.has(id)])),
    [layout, watched],
  );
  const painted = usePainted(pages, list, scroller, height);
  const data = useMemo(() => painted.rows.filter((row) => row !== undefined), [painted.rows]);
  const table = useTable({
    features: deviceFeatures,
    columns: deviceColumns(watched),
    data: data.length === 0 ? NO_ROWS : data,
    getRowId: rowId,
    state: { columnVisibility: visibility },
  });
  const tableRows = new Map(table.getRowModel().rows.map((row) => [row.original, row]));

  useImperativeHandle(
    ref,
    () => ({
      focus: () => grid.current?.focus({ preventScroll: true }),
      toTop: () => scroller.current?.scrollTo({ top: 0 }),
      pageSize: () => Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW) / ROW) - 1),
      reveal: (place) => {
        const room = scroller.current;
        if (room === null) return;
        const top = place * ROW;
        if (top < room.scrollTop) room.scrollTop = top;
        else if (top + ROW > room.scrollTop + room.clientHeight) room.scrollTop = top + ROW - room.clientHeight;
      },
    }),
    [],
  );

  const chosen = selectedCount(selection);
  const isPainted = active !== null && active >= painted.first && active < painted.first + painted.rows.length;
  return (
    <div
      ref={grid}
      className={hasWholeUdid(layout) ? 'grid ids-whole' : 'grid'}
      role="grid"
      aria-label="Devices"
      aria-multiselectable
      aria-rowcount={list.matching + 1}
      aria-colcount={deviceRoom(watched).length + 1}
      aria-busy={list.asking}
      aria-activedescendant={isPainted ? `device-${active}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      style={
        {
          '--grid-columns': `${CHECK}px ${layout.widths.map((width) => `${width}px`).join(' ')}`,
        } as React.CSSProperties
      }
    >
      <div role="rowgroup">
        <div className="grid-head" role="row" aria-rowindex={1}>
          <div className="grid-title grid-check" role="columnheader" aria-colindex={1}>
            <input
              type="checkbox"
              aria-label={chosen === list.matching ? 'Select none' : 'Select all that match'}
              checked={chosen > 0 && chosen === list.matching}
              ref={(box) => {
                if (box !== null) box.indeterminate = chosen > 0 && chosen < list.matching;
              }}
              onChange={onToggleAll}
            />
          </div>
          {table.getHeaderGroups()[0]?.headers.map((header) => (
            <HeaderCell
              key={header.id}
              index={columnIndex(header.column.id, watched)}
              title={String(header.column.columnDef.header)}
              sort={header.column.columnDef.meta?.sort}
              filter={list.filter}
              onSort={onSort}
            />
          ))}
        </div>
      </div>
      <div
        ref={(element) => {
          scroller.current = element;
          return measure(element);
        }}
        className="grid-scroll"
        role="rowgroup"
        tabIndex={-1}
      >
        <div className="grid-room" role="presentation" style={{ height: Math.max(height, list.matching * ROW) }}>
          <div className="grid-window" role="presentation" style={{ height }}>
            <div className="grid-rows" role="presentation" style={{ transform: `translateY(${painted.shift}px)` }}>
              {painted.rows.map((row, index) => {
                const place = painted.first + index;
                return (
                  <GridRow
                    key={place}
                    place={place}
                    row={row}
                    tableRow={row === undefined ? undefined : tableRows.get(row)}
                    visibility={visibility}
                    watched={watched}
                    selected={isSelected(selection, place)}
                    active={place === active}
                    opened={row !== undefined && row.id === opened}
                    onRow={onRow}
                    onToggle={onToggle}
                  />
                );
              })}
            </div>
          </div>
        </div>
      </div>
    </div>
  );
}

/** The column that gives the order is always shown; that of the plan only when there is one. */
function layoutFor(room: number, sort: DeviceFilter['sort'], planned: boolean, watched: boolean): ColumnLayout {
  const columns = deviceRoom(watched)
    .filter(({ id }) => planned || id !== 'action')
    .map((column) =>
      column.id === sort || (column.id === 'lastSeenOld' && sort === 'lastSeen') ? { ...column, rank: 0 } : column,
    );
  return columnLayout(columns, Math.max(0, room));
}

function hasWholeUdid({ visible, widths }: ColumnLayout): boolean {
  return (widths[[...visible].indexOf('udid')] ?? 0) >= WHOLE_UDID;
}

function rowId(row: DeviceRow): string {
  return row.id;
}

/** The rows at the scrolled place as soon as they are there; until then, and not for long, the ones before. */
function usePainted(
  pages: DevicePages,
  list: DeviceList,
  scroller: React.RefObject<HTMLDivElement | null>,
  height: number,
): Painted {
  // eslint-disable-next-line react-hooks/incompatible-library -- its items are turned into plain numbers right here
  const virtualizer = useVirtualizer({
    count: list.matching,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 4,
  });
  const offset = Math.min(virtualizer.scrollOffset ?? 0, Math.max(0, list.matching * ROW - height));
  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const end = (items.at(-1)?.index ?? -1) + 1;
  const seenFrom = Math.floor(offset / ROW);
  const seenTo = Math.min(list.matching, Math.ceil((offset + height) / ROW));
  const { generation } = list;
  useEffect(() => {
    pages.see(seenFrom, seenTo);
  }, [pages, seenFrom, seenTo, generation]);

  const there = pages.has(seenFrom, seenTo);
  const late = useLate(!there, PATIENCE);
  const now: Painted = {
    first,
    shift: first * ROW - offset,
    rows: Array.from({ length: Math.max(0, end - first) }, (_, index) => pages.row(first + index)),
  };
  const [held] = useState(() => new HeldRows());
  const before = held.last();
  const fits = before !== null && before.first + before.rows.length <= list.matching;
  const painted = there || late || !fits ? now : before;
  useEffect(() => {
    held.hold(painted);
  });
  return painted;
}

/** What was painted last. */
class HeldRows {
  private painted: Painted | null = null;

  last(): Painted | null {
    return this.painted;
  }

  hold(painted: Painted): void {
    this.painted = painted;
  }
}

interface HeaderCellProps {
  readonly index: number;
  readonly title: string;
  readonly sort: DeviceFilter['sort'] | undefined;
  readonly filter: DeviceFilter;
  readonly onSort: (sort: DeviceFilter['sort']) => void;
}

function HeaderCell({ index, title, sort, filter, onSort }: HeaderCellProps): React.JSX.Element {
  const sorted = sort === filter.sort;
  const direction = !sorted ? undefined : filter.descending ? 'descending' : 'ascending';
  return (
    <div className="grid-title" role="columnheader" aria-colindex={index} aria-sort={direction}>
      {sort === undefined ? (
        title
      ) : (
        <button
          type="button"
          onClick={() => {
            onSort(sort);
          }}
        >
          {title}
          {direction === 'ascending' && <ArrowUp size={12} aria-hidden />}
          {direction === 'descending' && <ArrowDown size={12} aria-hidden />}
        </button>
      )}
    </div>
  );
}

interface GridRowProps {
  readonly place: number;
  readonly row: DeviceRow | undefined;
  readonly tableRow: Row<typeof deviceFeatures, DeviceRow> | undefined;
  /** Which columns are shown; another object when they change. */
  readonly visibility: Readonly<Record<string, boolean>>;
  readonly watched: boolean;
  readonly selected: boolean;
  readonly active: boolean;
  readonly opened: boolean;
  readonly onRow: (click: RowClick) => void;
  readonly onToggle: (place: number, extend: boolean) => void;
}

/** Drawn again only when something of this row is another, not whenever the list scrolls by one. */
const GridRow = memo(PlainGridRow, (before, after) =>
  (['place', 'row', 'visibility', 'watched', 'selected', 'active', 'opened', 'onRow', 'onToggle'] as const).every(
    (name) => before[name] === after[name],
  ),
);

function PlainGridRow(props: GridRowProps): React.JSX.Element {
  const { place, row, tableRow, watched, selected, active, opened, onRow, onToggle } = props;
  const look = `grid-row ${active ? 'grid-row-active' : ''} ${opened ? 'grid-row-opened' : ''}`;
  return (
    <div
      id={`device-${place}`}
      className={look}
      role="row"
      aria-rowindex={place + 2}
      aria-selected={selected}
      onClick={(event) => {
        onRow({ place, toggles: holdsCommand(event), extends: event.shiftKey });
      }}
    >
      <div className="grid-cell grid-check" role="gridcell" aria-colindex={1}>
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={`Select ${row?.name ?? row?.serial ?? row?.udid ?? 'device'}`}
          checked={selected}
          readOnly
          onClick={(event) => {
            event.stopPropagation();
            onToggle(place, event.shiftKey);
          }}
        />
      </div>
      {tableRow === undefined ? (
        <div className="grid-cell" role="gridcell" aria-colindex={2}>
          <div className="grid-late" aria-hidden />
          <span className="unseen">on its way</span>
        </div>
      ) : (
        tableRow.getVisibleCells().map((cell) => (
          <div key={cell.id} className="grid-cell" role="gridcell" aria-colindex={columnIndex(cell.column.id, watched)}>
            <FlexRender cell={cell} />
          </div>
        ))
      )}
    </div>
  );
}

function columnIndex(id: string, watched: boolean): number {
  return deviceRoom(watched).findIndex((column) => column.id === id) + 2;
}
