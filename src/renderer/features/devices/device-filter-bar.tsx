/** Search, chips and saved filters above the device table. */
import { Download, Search, X } from 'lucide-react';
import { memo, useCallback, useEffect, useImperativeHandle, useRef } from 'react';
import type { DeviceFilter } from '../../../contract/devices';
import type { StepName } from '../../../contract/state';
import { Button } from '../../components/button';
import { FilterChips, FilterMenu, type FilterOption } from '../../components/filter-chips';
import { Keys } from '../../components/keys';
import { toast } from '../../components/toast';
import { Toolbar, ToolbarGap } from '../../components/toolbar';
import { ACTION_LOOKS, VERDICT_LOOKS, type PlanAction, type Verdict } from '../../components/verdict-badge';
import { counted, grouped } from '../../format/number';
import { inWords, platformName } from '../../format/words';
import { perform } from '../../hooks/use-call';
import { EVERY_DEVICE, narrows } from './device-filter';
import type { DeviceList } from './device-pages';
import { SavedFilters } from './saved-filters';

interface DeviceFilterBarProps {
  readonly ref: React.Ref<SearchHandle>;
  readonly filter: DeviceFilter;
  readonly list: DeviceList;
  /** Where it is shown, and where a refusal is shown. */
  readonly step: StepName;
  /** Off where the plan’s counts are filters already. */
  readonly actions: boolean;
  readonly onChange: (filter: DeviceFilter) => void;
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
  onLeave,
}: DeviceFilterBarProps): React.JSX.Element {
  const { facets } = list;
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
        <Menus facets={facets} platforms={filter.platforms} reasons={filter.reasons} onPick={pick} />
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
        <SavedFilters filter={filter} onChange={onChange} />
      </Toolbar>
      <Chips facets={facets} verdicts={filter.verdicts} actions={actions ? filter.actions : null} onPick={pick} />
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

const Menus = memo(function Menus({
  facets,
  platforms,
  reasons,
  onPick,
}: PickProps & Pick<DeviceFilter, 'platforms' | 'reasons'>): React.JSX.Element {
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
      <FilterMenu
        label="Reason"
        options={countedOptions(facets.reasons, inWords)}
        selected={reasons}
        onChange={(picked) => {
          onPick({ reasons: picked });
        }}
      />
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
