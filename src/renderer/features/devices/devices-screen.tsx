/** Every device: found while typing, filtered, sorted, selected, opened. */
import { MonitorSmartphone, SearchX } from 'lucide-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { DeviceFilter } from '../../../contract/devices';
import type { StepName } from '../../../contract/state';
import { EmptyState } from '../../components/empty-state';
import { FailurePanel } from '../../components/failure-panel';
import { Skeleton } from '../../components/skeleton';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useEscape } from '../../hooks/use-escape';
import { holdsCommand, useShortcut } from '../../hooks/use-shortcut';
import { announce } from '../../stores/announcer';
import { useAppState } from '../../stores/app-state';
import { replaceQuery, useRoute } from '../../stores/route';
import { goAction } from '../go-action';
import { DeviceDrawer } from './device-drawer';
import { EVERY_DEVICE, filterOf, narrows, queryOf } from './device-filter';
import { DeviceFilterBar, type SearchHandle } from './device-filter-bar';
import { DeviceGrid, type GridHandle, type RowClick } from './device-grid';
import { rowMove } from './row-move';
import { between, everything, NOTHING, selectedCount, toggled, withRange, type Selection } from './selection';
import { copyUdids, SelectionBar } from './selection-bar';
import { HealthView } from './health-view';
import { useDevicePages } from './use-device-pages';
import { WatchHeader } from './watch-header';
import './devices-screen.css';

export function DevicesScreen(): React.JSX.Element {
  const read = useAppState((state) => state.source !== null);
  if (read) return <Devices />;
  return (
    <EmptyState
      icon={MonitorSmartphone}
      title="No devices yet"
      sentence="They come from the old server’s database. Read it first, or look at the sample migration."
      actions={[
        goAction('source', 'Go to Source'),
        {
          id: 'sample',
          label: 'Open the sample migration',
          run: () => void perform('source', 'source.sample', undefined),
        },
      ]}
    />
  );
}

/** The list itself, kept in the address of the step it is shown at. */
export function Devices({ step = 'devices' }: { readonly step?: StepName }): React.JSX.Element {
  const { filter, setFilter, opened, setOpened, health, setHealth } = useAddress(step);
  const { pages, list } = useDevicePages(filter);
  const grid = useRef<GridHandle>(null);
  const search = useRef<SearchHandle>(null);
  const [marks, setMarks] = useState<Marks>(UNMARKED);
  const matching = list?.matching ?? 0;
  // Places mean another device in another list.
  const mine = marks.generation === list?.generation ? marks : { ...UNMARKED, generation: list?.generation ?? 0 };
  const { active, anchor, selection } = mine;
  const mark = useCallback(
    (part: Partial<Marks>) => {
      const generation = pages.current()?.generation ?? 0;
      setMarks((before) => ({ ...(before.generation === generation ? before : UNMARKED), generation, ...part }));
    },
    [pages],
  );

  const change = useCallback(
    (next: DeviceFilter) => {
      setFilter(next);
      grid.current?.toTop();
    },
    [setFilter],
  );

  /** Makes a row the active one; an open drawer follows. */
  const moveTo = useCallback(
    (place: number, part: Partial<Marks> = {}) => {
      mark({ active: place, ...part });
      grid.current?.reveal(place);
      const row = pages.row(place);
      if (opened !== null && row !== undefined) setOpened(row.id);
    },
    [mark, pages, opened, setOpened],
  );

  const onRow = useCallback(
    ({ place, toggles, extends: extend }: RowClick) => {
      grid.current?.focus();
      if (toggles) mark({ active: place, anchor: place, selection: toggled(selection, place) });
      else if (extend)
        mark({ active: place, selection: withRange(NOTHING, between(anchor ?? active ?? place, place)) });
      else {
        mark({ active: place, anchor: place });
        const row = pages.row(place);
        if (row !== undefined) setOpened(row.id);
      }
    },
    [mark, pages, setOpened, selection, anchor, active],
  );

  const onToggle = useCallback(
    (place: number, extend: boolean) => {
      const range = extend && anchor !== null ? between(anchor, place) : null;
      mark({
        active: place,
        anchor: place,
        selection: range === null ? toggled(selection, place) : withRange(selection, range),
      });
    },
    [mark, selection, anchor],
  );

  const selectAll = useCallback(() => {
    const all = selectedCount(selection) === matching;
    mark({ selection: all ? NOTHING : everything(matching) });
    announce(all ? 'Nothing selected' : `${counted(matching, 'device')} selected`);
  }, [mark, selection, matching]);

  const onSort = useCallback(
    (sort: DeviceFilter['sort']) => {
      change({ ...filter, sort, descending: filter.sort === sort && !filter.descending });
    },
    [change, filter],
  );

  const onKeyDown = (event: React.KeyboardEvent): void => {
    // Buttons of the heading keep their own keys.
    if (event.target !== event.currentTarget && (event.key === 'Enter' || event.key === ' ')) return;
    const next = rowMove(event.key, active, matching, grid.current?.pageSize() ?? 1);
    if (next !== null) {
      if (event.shiftKey) {
        const from = anchor ?? active ?? next;
        moveTo(next, { anchor: from, selection: withRange(NOTHING, between(from, next)) });
      } else moveTo(next, { anchor: next });
    } else if (event.key === ' ' && active !== null) mark({ anchor: active, selection: toggled(selection, active) });
    else if (event.key === 'Enter' && active !== null) setOpened(pages.row(active)?.id ?? null);
    else if (holdsCommand(event) && event.key === 'a') selectAll();
    else if (holdsCommand(event) && event.key === 'c' && window.getSelection()?.isCollapsed !== false) {
      const which =
        selection.length > 0 ? selection : active === null ? NOTHING : everything(1).map(() => between(active, active));
      if (list !== null && which.length > 0) void copyUdids(pages, list, which);
    } else return;
    event.preventDefault();
  };

  useShortcut('/', () => {
    search.current?.focus();
  });
  useEscape(selection.length > 0, () => {
    mark({ selection: NOTHING });
  });
  useMatchWords(list?.generation, matching, list?.asking ?? true);

  if (list === null) return <Skeleton label="Looking for the devices" lines={12} />;
  const moveBy = (by: -1 | 1): void => {
    const place = Math.min(matching - 1, Math.max(0, (active ?? -1) + by));
    if (matching > 0) moveTo(place, { anchor: place });
  };
  return (
    <div className="devices">
      {step === 'devices' && (
        <>
          <WatchHeader
            filter={filter}
            onChange={(next) => {
              setHealth(false);
              change(next);
            }}
          />
        </>
      )}
      {health ? (
        <div className="devices-panel">
          <HealthView
            onBack={() => {
              setHealth(false);
            }}
            onDevice={(udid) => {
              setHealth(false);
              change({ ...EVERY_DEVICE, search: udid });
            }}
          />
        </div>
      ) : (
        <div className="devices-panel">
          <DeviceFilterBar
            ref={search}
            step={step}
            actions={step !== 'plan'}
            onHealth={
              step === 'devices'
                ? () => {
                    setHealth(true);
                  }
                : null
            }
            filter={filter}
            list={list}
            onChange={change}
            onLeave={() => {
              grid.current?.focus();
              if (active === null && matching > 0) mark({ active: 0, anchor: 0 });
            }}
          />
          {list.failure !== null && (
            <div className="devices-failure">
              <FailurePanel
                failure={list.failure}
                actions={[
                  {
                    id: 'again',
                    label: 'Ask again',
                    run: () => {
                      pages.show(filter);
                    },
                  },
                ]}
              />
            </div>
          )}
          <div className="devices-body">
            <div className="devices-list">
              <DeviceGrid
                ref={grid}
                pages={pages}
                list={list}
                selection={selection}
                active={active}
                opened={opened}
                onKeyDown={onKeyDown}
                onRow={onRow}
                onToggle={onToggle}
                onToggleAll={selectAll}
                onSort={onSort}
              />
              {matching === 0 && (
                <NoMatch
                  list={narrows(list.filter)}
                  onAll={() => {
                    change(EVERY_DEVICE);
                  }}
                />
              )}
              <SelectionBar
                pages={pages}
                list={list}
                selection={selection}
                onClear={() => {
                  mark({ selection: NOTHING });
                  grid.current?.focus();
                }}
              />
            </div>
            {opened !== null && (
              <DeviceDrawer
                id={opened}
                row={active === null ? undefined : pages.row(active)}
                onStep={moveBy}
                onClose={() => {
                  setOpened(null);
                  grid.current?.focus();
                }}
              />
            )}
          </div>
        </div>
      )}
    </div>
  );
}

/** Where the keyboard is and what is selected, in one list. */
interface Marks {
  readonly generation: number;
  readonly active: number | null;
  /** Where Shift extends from. */
  readonly anchor: number | null;
  readonly selection: Selection;
}

const UNMARKED: Marks = { generation: 0, active: null, anchor: null, selection: NOTHING };

function NoMatch({ list: narrowed, onAll }: { readonly list: boolean; readonly onAll: () => void }): React.JSX.Element {
  return (
    <div className="devices-none">
      <EmptyState
        icon={SearchX}
        title={narrowed ? 'No device matches' : 'The source holds no devices'}
        sentence={
          narrowed
            ? 'All words must occur in one device’s name, serial number, UDID, model, platform or reasons.'
            : 'It was read, and there was no device in it. Look at Source for what was found instead.'
        }
        actions={narrowed ? [{ id: 'all', label: 'Show all devices', run: onAll }] : []}
      />
    </div>
  );
}

interface Address {
  readonly filter: DeviceFilter;
  readonly setFilter: (filter: DeviceFilter) => void;
  /** Id of the device in the drawer. */
  readonly opened: string | null;
  readonly setOpened: (id: string | null) => void;
  /** The health of migrated devices is shown instead of the list. */
  readonly health: boolean;
  readonly setHealth: (health: boolean) => void;
}

/** How long after the last key the address follows; browsers refuse to have it written at every key. */
const ADDRESS_LATER = 250;

/** Filter and open device, kept here while typing and written into the address a little later. */
function useAddress(step: StepName): Address {
  const query = useRoute((route) => (route.step === step ? route.query : null));
  const [state, setState] = useState(() => ({ ...addressOf(query ?? ''), query }));
  const current = state.query === query || query === null ? state : { ...addressOf(query), query };
  if (current !== state) setState(current);
  const { filter, opened, health } = current;
  useEffect(() => {
    const text = addressText(filter, opened, health);
    if (text === query) return;
    const timer = setTimeout(() => {
      setState((before) => ({ ...before, query: text }));
      replaceQuery(step, text);
    }, ADDRESS_LATER);
    return () => {
      clearTimeout(timer);
    };
  }, [filter, opened, health, query, step]);
  const setFilter = useCallback((next: DeviceFilter) => {
    setState((before) => ({ ...before, filter: next }));
  }, []);
  const setOpened = useCallback((id: string | null) => {
    setState((before) => ({ ...before, opened: id }));
  }, []);
  const setHealth = useCallback((next: boolean) => {
    setState((before) => ({ ...before, health: next }));
  }, []);
  return { filter, setFilter, opened, setOpened, health, setHealth };
}

function addressOf(query: string): { filter: DeviceFilter; opened: string | null; health: boolean } {
  const params = new URLSearchParams(query);
  return { filter: filterOf(query), opened: params.get('device'), health: params.get('view') === 'health' };
}

function addressText(filter: DeviceFilter, opened: string | null, health: boolean): string {
  const query = new URLSearchParams(queryOf(filter));
  if (health) query.set('view', 'health');
  if (opened !== null) query.set('device', opened);
  return query.toString();
}

/** Says how many match, once the typing has stopped. */
function useMatchWords(generation: number | undefined, matching: number, asking: boolean): void {
  useEffect(() => {
    if (asking || generation === undefined || generation < 2) return;
    const timer = setTimeout(() => {
      announce(matching === 1 ? '1 device matches' : `${matching.toLocaleString('en-US')} devices match`);
    }, 800);
    return () => {
      clearTimeout(timer);
    };
  }, [generation, matching, asking]);
}
