/** Search, chips and saved filters above the device table. */
import { Download, RefreshCw, Search, Stethoscope, X } from 'lucide-react';
import { memo, useCallback, useEffect, useImperativeHandle, useRef } from 'react';
import type { DeviceFilter } from '../../../contract/devices';
import type { StepName } from '../../../contract/state';
import { Button } from '../../components/button';
import { FilterChips, FilterMenu, type FilterOption } from '../../components/filter-chips';
import { Keys } from '../../components/keys';
import { toast } from '../../components/toast';
import { Toolbar, ToolbarGap } from '../../components/toolbar';
import type { WatchState } from '../../../contract/watch';
import { ACTION_LOOKS, VERDICT_LOOKS, type PlanAction, type Verdict } from '../../components/verdict-badge';
import { WATCH_LOOKS } from '../../components/watch-badge';
import { counted, grouped } from '../../format/number';
import { inWords, platformName } from '../../format/words';
import { perform } from '../../hooks/use-call';
import { EVERY_DEVICE, narrows } from './device-filter';
import { isWatched, type DeviceList } from './device-pages';
import { SavedFilters } from './saved-filters';
import { attentionWords } from './watch-words';

interface DeviceFilterBarProps {
  readonly ref: React.Ref<SearchHandle>;
  readonly filter: DeviceFilter;
  readonly list: DeviceList;
  /** Where it is shown, and where a refusal is shown. */
  readonly step: StepName;
  /** Off where the plan’s counts are filters already. */
  readonly actions: boolean;
  readonly onChange: (filter: DeviceFilter) => void;
  /** Shows the health of migrated devices; null where that is not shown. */
  readonly onHealth: (() => void) | null;
  /** Arrow down in the search field: on into the table. */
  readonly onLeave: () => void;
}

export interface SearchHandle {
  readonly focus: () => void;
}

export function DeviceFilterBar({
  ref,
  filter,
  list,
  step,
  actions,
  onChange,
  onHealth,
  onLeave,
}: DeviceFilterBarProps): React.JSX.Element {
  const { facets } = list;
  const watched = isWatched(list) && step === 'devices';
  const latest = useRef(filter);
  useEffect(() => {
    latest.current = filter;
  });
  // The same function always: chips and menus are not drawn again at every key.
  const pick = useCallback(
    (part: Partial<DeviceFilter>) => {
      onChange({ ...latest.current, ...part });
    },
    [onChange],
  );
  return (
    <div className="devices-filters" role="search" aria-label="Devices">
      <Toolbar label="Search">
        <SearchField
          ref={ref}
          value={filter.search}
          onChange={(search) => {
            onChange({ ...filter, search });
          }}
          onLeave={onLeave}
        />
        <Menus
          facets={facets}
          platforms={filter.platforms}
          sources={filter.sources}
          reasons={watched ? null : filter.reasons}
          attention={watched ? filter.attention : null}
          onPick={pick}
        />
        <span className="devices-count">
          <b>{grouped(list.matching)}</b> of {grouped(list.total)}
        </span>
        <ToolbarGap />
        {narrows(filter) && (
          <Button
            variant="quiet"
            icon={X}
            onClick={() => {
              onChange({ ...EVERY_DEVICE, sort: filter.sort, descending: filter.descending });
            }}
          >
            Show all
          </Button>
        )}
        <ExportButton step={step} filter={filter} matching={list.matching} />
        {onHealth !== null && isWatched(list) && (
          <Button icon={Stethoscope} onClick={onHealth}>
            Health
          </Button>
        )}
        <SavedFilters filter={filter} onChange={onChange} />
      </Toolbar>
      {watched ? (
        <WatchedChips
          facets={facets}
          states={filter.states}
          reasons={filter.reasons}
          verdicts={filter.verdicts}
          actions={filter.actions}
          outdated={list.outdated}
          onPick={pick}
        />
      ) : (
        <Chips facets={facets} verdicts={filter.verdicts} actions={actions ? filter.actions : null} onPick={pick} />
      )}
    </div>
  );
}

interface PickProps {
  readonly facets: DeviceList['facets'];
  readonly onPick: (part: Partial<DeviceFilter>) => void;
}

interface ChipsProps extends PickProps, Pick<DeviceFilter, 'verdicts'> {
  /** Null: chosen elsewhere. */
  readonly actions: DeviceFilter['actions'] | null;
}

const Chips = memo(function Chips({ facets, verdicts, actions, onPick }: ChipsProps): React.JSX.Element {
  return (
    <Toolbar label="Filters">
      <FilterChips
        label="Verdict"
        options={verdictOptions(facets.verdicts)}
        selected={verdicts}
        onChange={(picked) => {
          onPick({ verdicts: picked });
        }}
      />
      {actions !== null && Object.keys(facets.actions).length > 0 && (
        <>
          <span className="devices-divider" />
          <FilterChips
            label="Plan"
            options={actionOptions(facets.actions)}
            selected={actions}
            onChange={(picked) => {
              onPick({ actions: picked });
            }}
          />
        </>
      )}
    </Toolbar>
  );
});

interface WatchedChipsProps extends PickProps, Pick<DeviceFilter, 'states' | 'reasons' | 'verdicts' | 'actions'> {
  /** The list is of an older look at Fleet. */
  readonly outdated: boolean;
}

/** Once devices are watched their state is what one filters by; verdict and plan step back. */
const WatchedChips = memo(function WatchedChips({
  facets,
  states,
  reasons,
  verdicts,
  actions,
  outdated,
  onPick,
}: WatchedChipsProps): React.JSX.Element {
  return (
    <Toolbar label="Filters">
      <FilterChips
        label="State"
        options={stateOptions(facets.states, states)}
        selected={states}
        onChange={(picked) => {
          onPick({ states: picked });
        }}
      />
      <span className="devices-divider" />
      <FilterMenu
        label="Verdict"
        options={verdictOptions(facets.verdicts)}
        selected={verdicts}
        onChange={(picked) => {
          onPick({ verdicts: picked });
        }}
      />
      {Object.keys(facets.actions).length > 0 && (
        <FilterMenu
          label="Plan"
          options={actionOptions(facets.actions)}
          selected={actions}
          onChange={(picked) => {
            onPick({ actions: picked });
          }}
        />
      )}
      {reasons.length > 0 && (
        <FilterMenu
          label="Reason"
          options={countedOptions(facets.reasons, inWords)}
          selected={reasons}
          onChange={(picked) => {
            onPick({ reasons: picked });
          }}
        />
      )}
      <ToolbarGap />
      {outdated && (
        <Button
          variant="quiet"
          icon={RefreshCw}
          title="Devices have moved since this list was made. It is not changed under your hands."
          onClick={() => {
            // The same filter in a new object: the list is asked for anew.
            onPick({});
          }}
        >
          Devices have moved: update the list
        </Button>
      )}
    </Toolbar>
  );
});

const STATES = ['waiting', 'migrated', 'stale', 'lost', 'unknown', 'not-imported'] as const satisfies WatchState[];

/** States nobody is in are left out, unless they are chosen. */
function stateOptions(
  counts: Readonly<Record<string, number>>,
  selected: readonly WatchState[],
): FilterOption<WatchState>[] {
  return STATES.filter((state) => (counts[state] ?? 0) > 0 || selected.includes(state)).map((value) => ({
    value,
    label: WATCH_LOOKS[value].word,
    tone: WATCH_LOOKS[value].tone,
    count: counts[value] ?? 0,
  }));
}

interface MenusProps extends PickProps, Pick<DeviceFilter, 'platforms' | 'sources'> {
  /** Null: chosen elsewhere. */
  readonly reasons: DeviceFilter['reasons'] | null;
  /** Null: nothing is watched. */
  readonly attention: DeviceFilter['attention'] | null;
}

const Menus = memo(function Menus({
  facets,
  platforms,
  sources,
  reasons,
  attention,
  onPick,
}: MenusProps): React.JSX.Element {
  return (
    <>
      <FilterMenu
        label="Platform"
        options={countedOptions(facets.platforms, platformName)}
        selected={platforms}
        onChange={(picked) => {
          onPick({ platforms: picked });
        }}
      />
      {Object.keys(facets.sources).length > 1 && (
        <FilterMenu
          label="Source"
          options={countedOptions(facets.sources, (number) => `Source ${number}`)}
          selected={sources}
          onChange={(picked) => {
            onPick({ sources: picked });
          }}
        />
      )}
      {attention !== null && (
        <FilterMenu
          label="Attention"
          options={countedOptions(facets.attention, attentionWords)}
          selected={attention}
          onChange={(picked) => {
            onPick({ attention: picked });
          }}
        />
      )}
      {reasons !== null && (
        <FilterMenu
          label="Reason"
          options={countedOptions(facets.reasons, inWords)}
          selected={reasons}
          onChange={(picked) => {
            onPick({ reasons: picked });
          }}
        />
      )}
    </>
  );
});

function verdictOptions(counts: Readonly<Record<string, number>>): FilterOption<Verdict>[] {
  return (['ready', 'caution', 'blocked'] as const).map((value) => ({
    value,
    label: VERDICT_LOOKS[value].word,
    tone: VERDICT_LOOKS[value].tone,
    count: counts[value] ?? 0,
  }));
}

function actionOptions(counts: Readonly<Record<string, number>>): FilterOption<PlanAction>[] {
  return (['insert', 'refresh', 'keep', 'held', 'blocked'] as const).map((value) => ({
    value,
    label: ACTION_LOOKS[value].word,
    count: counts[value] ?? 0,
  }));
}

function countedOptions(
  counts: Readonly<Record<string, number>>,
  name: (value: string) => string,
): FilterOption<string>[] {
  return Object.entries(counts)
    .sort(([, one], [, other]) => other - one)
    .map(([value, count]) => ({ value, label: name(value), count }));
}

interface ExportButtonProps {
  readonly step: StepName;
  readonly filter: DeviceFilter;
  readonly matching: number;
}

function ExportButton({ step, filter, matching }: ExportButtonProps): React.JSX.Element {
  const write = async (): Promise<void> => {
    const written = await perform(step, 'devices.export', { ...filter, ids: null });
    if (written !== null) toast(`Wrote ${counted(written.devices, 'device')} to ${written.path}`);
  };
  return (
    <Button
      icon={Download}
      title={`Write the ${counted(matching, 'device')} shown here to a CSV file`}
      cannot={matching === 0 ? 'There is no device to write.' : null}
      onClick={() => void write()}
    >
      CSV…
    </Button>
  );
}

interface SearchFieldProps {
  readonly ref: React.Ref<SearchHandle>;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly onLeave: () => void;
}

function SearchField({ ref, value, onChange, onLeave }: SearchFieldProps): React.JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  useImperativeHandle(ref, () => ({
    focus: () => {
      input.current?.focus();
      input.current?.select();
    },
  }));
  return (
    <div className="devices-search">
      <Search size={16} aria-hidden />
      <input
        ref={input}
        type="search"
        aria-label="Search name, serial number, UDID, model, platform, reason"
        placeholder="Search devices"
        maxLength={500}
        spellCheck={false}
        autoComplete="off"
        value={value}
        onChange={(event) => {
          onChange(event.currentTarget.value);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown' || event.key === 'Enter') onLeave();
          else if (event.key === 'Escape' && value !== '') onChange('');
          else if (event.key === 'Escape') onLeave();
          else return;
          event.preventDefault();
        }}
      />
      {value === '' && <Keys keys="/" />}
    </div>
  );
}
