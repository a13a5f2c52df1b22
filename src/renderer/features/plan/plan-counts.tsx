/** What the plan does, in numbers that are filters of the list below. */
import type { PlanSummary } from '../../../contract/state';
import { Stat, Stats } from '../../components/stat';
import { ACTION_LOOKS, type PlanAction } from '../../components/verdict-badge';
import { counted, grouped } from '../../format/number';
import { goTo } from '../../stores/route';
import { filterOf, queryOf } from '../devices/device-filter';

const ACTIONS: readonly PlanAction[] = ['insert', 'refresh', 'keep', 'held', 'blocked'];

const NOTES: Readonly<Record<PlanAction, string>> = {
  insert: 'new to Fleet',
  refresh: 'imported, untouched since',
  keep: 'touched, left alone',
  held: 'a caution not accepted',
  blocked: 'cannot move this way',
};

interface PlanCountsProps {
  readonly plan: PlanSummary;
  readonly query: string;
}

export function PlanCounts({ plan, query }: PlanCountsProps): React.JSX.Element {
  const { counts } = plan;
  const filter = filterOf(query);
  return (
    <Stats label="What the plan does; each number shows only those devices">
      {ACTIONS.map((action) => {
        const only = filter.actions.length === 1 && filter.actions[0] === action;
        return (
          <Stat
            key={action}
            label={ACTION_LOOKS[action].word}
            tone={ACTION_LOOKS[action].tone}
            value={counts[action]}
            note={NOTES[action]}
            selected={only}
            onSelect={() => {
              goTo('plan', queryOf({ ...filter, actions: only ? [] : [action] }));
            }}
          />
        );
      })}
    </Stats>
  );
}

/** The sum of it, in a sentence. */
export function PlanSum({ plan }: { readonly plan: PlanSummary }): React.JSX.Element {
  const { counts } = plan;
  const aside = [
    counts.unchanged > 0 ? `${grouped(counts.unchanged)} of the refreshed need no change` : '',
    counts.withoutUdid > 0 ? `${counted(counts.withoutUdid, 'record')} without a UDID stay out` : '',
  ].filter((part) => part !== '');
  return (
    <p className="plan-sum">
      <b>{counted(counts.insert + counts.refresh, 'device')}</b> of {grouped(counts.devices)} will be written.
      {aside.length > 0 && <span className="muted"> {aside.join('; ')}.</span>}
    </p>
  );
}
