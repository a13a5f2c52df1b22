/** One paragraph with numbers: what writing does, and what it does not. The same words stand in the confirmation. */
import type { PlanSummary } from '../../../contract/state';
import { Panel } from '../../components/panel';
import { counted, grouped } from '../../format/number';
import { goingIn } from './apply-standing';

export function WhatHappens({ plan }: { readonly plan: PlanSummary }): React.JSX.Element {
  return (
    <Panel title="What will happen">
      <div className="what">
        <WhatIsWritten plan={plan} />
        <p>
          Just before, the source is read again and the checks are run again: a device that changed since the plan is
          held back and named, the others go on. Each transaction is journaled before and after it is committed, so that
          a power cut leaves nothing in doubt. Afterwards every row is read back and compared.
        </p>
        <p className="muted">
          What Fleet or a device touches afterwards cannot be taken back. Until then Undo removes exactly what was
          inserted.
        </p>
      </div>
    </Panel>
  );
}

export function WhatIsWritten({ plan }: { readonly plan: PlanSummary }): React.JSX.Element {
  const { counts, target, serials } = plan;
  const { insert, refresh, keep, held, blocked } = counts;
  const stays = [
    keep > 0
      ? `${counted(keep, 'device')} ${keep === 1 ? 'stays' : 'stay'} as ${keep === 1 ? 'it is' : 'they are'}, because Fleet or the device has touched ${keep === 1 ? 'it' : 'them'}`
      : '',
    held > 0 ? `${grouped(held)} ${held === 1 ? 'is' : 'are'} held for a caution` : '',
    blocked > 0 ? `${grouped(blocked)} ${blocked === 1 ? 'is' : 'are'} blocked` : '',
  ].filter((part) => part !== '');
  return (
    <p>
      Slipway writes the rows of <b>{counted(goingIn(plan), 'device')}</b> to <b>{target.database}</b> at{' '}
      <b>
        {target.host}:{target.port}
      </b>
      : {grouped(insert)} inserted, {grouped(refresh)} refreshed
      {counts.unchanged > 0 && ` (${grouped(counts.unchanged)} of those need no change)`}.
      {stays.length > 0 && ` ${stays.join(', ')}.`}
      {serials !== null && serials.lifted !== '' && ` Fleet’s certificate serials are lifted past ${serials.lifted}.`}
    </p>
  );
}
