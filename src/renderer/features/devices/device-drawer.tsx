/** Everything known about one device, beside the table. Arrow keys go on to the next, Esc closes it. */
import { Ban, Check, ChevronDown, ChevronUp, MoveRight, X } from 'lucide-react';
import { useId, useState } from 'react';
import type { DeviceDetail, DeviceRow } from '../../../contract/devices';
import { Badge } from '../../components/badge';
import { IconButton } from '../../components/button';
import { CheckField } from '../../components/field';
import { FailurePanel } from '../../components/failure-panel';
import { KeyValueList } from '../../components/key-value-list';
import { ProblemNote } from '../../components/problem-note';
import { ShortId } from '../../components/short-id';
import { Skeleton } from '../../components/skeleton';
import { TimeText } from '../../components/time-text';
import { ACTION_LOOKS, ActionBadge, VERDICT_LOOKS, VerdictBadge } from '../../components/verdict-badge';
import { useAnswer } from '../../hooks/use-answer';
import { useEscape } from '../../hooks/use-escape';
import { useAppState } from '../../stores/app-state';
import { setDrawerWidth, useUi } from '../../stores/ui';
import { Attentions, Standing, Story } from './device-story';
import { RowDiffTable } from './row-diff-table';
import { useDataVersion } from './use-device-pages';
import './device-drawer.css';

interface DeviceDrawerProps {
  readonly id: string;
  /** The table's row, where it is the same device: shown at once, while the rest is on its way. */
  readonly row: DeviceRow | undefined;
  readonly onStep: (by: -1 | 1) => void;
  readonly onClose: () => void;
}

export function DeviceDrawer({ id, row, onStep, onClose }: DeviceDrawerProps): React.JSX.Element {
  const width = useUi((ui) => ui.drawerWidth);
  const version = useDataVersion();
  const look = useAppState(({ watch }) => watch?.look?.version ?? 0);
  const { reply, current } = useAnswer('devices.detail', { id }, `${version} ${look}`);
  const title = useId();
  useEscape(true, onClose);
  const detail = reply?.ok === true ? reply.value : null;
  const shown = row?.id === id ? row : detail?.device;
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined || event.target instanceof HTMLInputElement) return;
    if ((event.target as HTMLElement).matches('[role="separator"]')) return;
    event.preventDefault();
    onStep(by < 0 ? -1 : 1);
  };
  return (
    <aside className="drawer" style={{ width }} aria-labelledby={title} onKeyDown={onKeyDown}>
      <DrawerEdge width={width} />
      <div className="drawer-head">
        <h2 id={title}>{nameOf(shown) ?? 'Device'}</h2>
        <IconButton
          icon={ChevronUp}
          label="The one before"
          onClick={() => {
            onStep(-1);
          }}
        />
        <IconButton
          icon={ChevronDown}
          label="The next one"
          onClick={() => {
            onStep(1);
          }}
        />
        <IconButton icon={X} label="Close" onClick={onClose} />
      </div>
      <div className="drawer-body" aria-busy={!current} tabIndex={0} role="group" aria-label="Details">
        {reply?.ok === false && current && <FailurePanel failure={reply.failure} />}
        {detail === null && reply?.ok !== false && <Skeleton label="Looking up the device" lines={8} />}
        {detail !== null && <Detail detail={detail} />}
      </div>
    </aside>
  );
}

function nameOf(row: DeviceRow | undefined): string | null {
  return row === undefined ? null : (row.name ?? row.serial ?? row.udid ?? row.id);
}

function Detail({ detail }: { readonly detail: DeviceDetail }): React.JSX.Element {
  const { device, facts, reasons, users, rows, story } = detail;
  return (
    <>
      <div className="drawer-standing">
        {story !== null && <Standing story={story} />}
        <VerdictBadge verdict={device.verdict} />
        <span className="muted">{VERDICT_LOOKS[device.verdict].sentence}</span>
        {device.action !== null && (
          <>
            <ActionBadge action={device.action} />
            <span className="muted">{ACTION_LOOKS[device.action].sentence}</span>
          </>
        )}
      </div>
      {story !== null && <Attentions story={story} />}
      {story !== null && <Story story={story} />}
      {reasons.length > 0 && <Reasons reasons={reasons} />}
      <section className="drawer-part">
        <h3>Facts</h3>
        <KeyValueList
          items={facts.map(({ label, value, mono }) => ({
            label,
            value: <Fact label={label} value={value} mono={mono} />,
          }))}
        />
      </section>
      {users.length > 0 && <Users users={users} />}
      {rows !== null && <Rows rows={rows} />}
    </>
  );
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** Times come as text from the engine, and are shown in the operator's zone as everywhere. */
function Fact({ label, value, mono }: DeviceDetail['facts'][number]): React.JSX.Element {
  if (INSTANT.test(value)) return <TimeText at={Date.parse(value)} as="second" />;
  return mono ? <ShortId value={value} label={label} ends={value.length > 40 ? 12 : 0} /> : <>{value}</>;
}

function Reasons({ reasons }: Pick<DeviceDetail, 'reasons'>): React.JSX.Element {
  return (
    <section className="drawer-part">
      <h3>Why</h3>
      <ul className="drawer-list">
        {reasons.map(({ code, severity, sentence, remedy, accepted }) => (
          <li key={code}>
            <ProblemNote severity={severity} what={sentence} remedy={remedy} code={code} plain>
              {accepted && (
                <p>
                  <Badge tone="good" icon={Check}>
                    Accepted
                  </Badge>
                </p>
              )}
            </ProblemNote>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Users({ users }: Pick<DeviceDetail, 'users'>): React.JSX.Element {
  return (
    <section className="drawer-part">
      <h3>Users</h3>
      <ul className="drawer-list">
        {users.map(({ id, shortName, longName, goes }) => (
          <li key={id} className="drawer-user">
            <span>
              {longName ?? shortName ?? 'Without a name'} <ShortId value={id} label="user id" />
            </span>
            {goes ? (
              <Badge tone="good" icon={MoveRight} bare>
                Goes along
              </Badge>
            ) : (
              <Badge tone="quiet" icon={Ban} bare>
                Stays behind
              </Badge>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Rows({ rows }: { readonly rows: NonNullable<DeviceDetail['rows']> }): React.JSX.Element {
  const [changedOnly, setChangedOnly] = useState(true);
  return (
    <section className="drawer-part">
      <div className="drawer-part-head">
        <h3>Rows in Fleet</h3>
        <CheckField label="Only what changes" checked={changedOnly} onChange={setChangedOnly} />
      </div>
      {rows.map((diff) => (
        <RowDiffTable key={`${diff.table} ${diff.row}`} diff={diff} changedOnly={changedOnly} />
      ))}
      {rows.length === 0 && <p className="muted">No row of Fleet’s belongs to it.</p>}
    </section>
  );
}

const KEY_STEP = 24;

/** The edge that is dragged, or moved with the arrow keys. */
function DrawerEdge({ width }: { readonly width: number }): React.JSX.Element {
  return (
    <div
      className="drawer-edge"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the details"
      aria-valuenow={width}
      aria-valuemin={360}
      aria-valuemax={880}
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        event.preventDefault();
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) {
          setDrawerWidth((event.currentTarget.parentElement?.getBoundingClientRect().right ?? 0) - event.clientX);
        }
      }}
      onKeyDown={(event) => {
        const by = { ArrowLeft: KEY_STEP, ArrowRight: -KEY_STEP }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        setDrawerWidth(width + by);
      }}
    />
  );
}
