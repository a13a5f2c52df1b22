/** The runbook: line by line what is done, on staging and on production side by side, and who confirmed it. */
import { Circle, CircleAlert, CircleCheck, FileInput, Printer } from 'lucide-react';
import { useState } from 'react';
import type { RunbookCell, RunbookView } from '../../../contract/runbook';
import { call } from '../../bridge';
import { Button } from '../../components/button';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { TextField } from '../../components/field';
import { Panel } from '../../components/panel';
import '../../components/plain-table.css';
import { ProblemNote } from '../../components/problem-note';
import { Prose } from '../../components/prose';
import { TimeText } from '../../components/time-text';
import { toast } from '../../components/toast';
import { useAnswer } from '../../hooks/use-answer';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { goAction } from '../go-action';
import './runbook.css';

type Item = RunbookView['steps'][number]['items'][number];
const COLUMNS = ['staging', 'production'] as const;

export function Runbook(): React.JSX.Element {
  // What a line can hang on: the state is pushed ten times a second while something is under way.
  const version = useAppState((state) =>
    JSON.stringify([
      state.workspace?.path,
      state.workspace?.settings.badge,
      state.workspace?.settings.answers,
      state.checks?.at,
      state.plan?.id,
      state.rehearsal?.finishedAt,
      state.applied?.finishedAt,
      state.verified?.at,
      state.probes?.at,
      state.watch?.look?.version,
      state.reportedAt,
    ]),
  );
  const [turn, setTurn] = useState(0);
  const [ticking, setTicking] = useState<Item | null>(null);
  const { reply } = useAnswer('runbook.view', undefined, `${version} ${turn}`);
  const again = (): void => {
    setTurn((before) => before + 1);
  };
  if (reply === null) return <p className="muted">The runbook is being put together.</p>;
  if (!reply.ok)
    return (
      <ProblemNote
        severity="error"
        what={reply.failure.message}
        remedy={reply.failure.remedy}
        code={reply.failure.code}
      />
    );
  const { mine, steps } = reply.value;
  const lines = steps.flatMap(({ items }) => items);
  const done = mine === null ? 0 : lines.filter((item) => item[mine]?.state === 'done').length;
  return (
    <div className="runbook">
      <div className="runbook-head">
        <p className="checks-verdict" role="status">
          {mine === null ? 'No column is filled yet.' : `${done} of ${lines.length} done on ${mine}.`}
        </p>
        <div className="acts">
          <Button
            icon={FileInput}
            variant="quiet"
            onClick={() => void perform('checks', 'runbook.takeOver', undefined).then(again)}
          >
            Take over the other column…
          </Button>
          <Button icon={Printer} onClick={() => void savePrint()}>
            Save for printing…
          </Button>
        </div>
      </div>
      {mine === null && (
        <ProblemNote
          severity="info"
          what="It is not said yet whether this target is staging or production."
          remedy="The column of the two is filled by itself from checks, plan, apply and probes; the rest people confirm."
          actions={[goAction('fleet', 'Say so at Fleet')]}
        />
      )}
      {steps.map(({ title, items }) => (
        <Panel key={title} title={title} flush>
          <table className="plain-table runbook-table">
            <thead>
              <tr>
                <th scope="col">What</th>
                {COLUMNS.map((column) => (
                  <th key={column} scope="col">
                    {column === 'staging' ? 'Staging' : 'Production'}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map((item) => (
                <tr key={item.id}>
                  <th scope="row">
                    {item.title}
                    <p className="muted">{item.why}</p>
                  </th>
                  {COLUMNS.map((column) => (
                    <td key={column}>
                      <Cell
                        cell={item[column]}
                        own={column === mine}
                        onTick={() => {
                          setTicking(item);
                        }}
                        onUntick={() => void perform('checks', 'runbook.untick', { id: item.id }).then(again)}
                        item={item}
                      />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Panel>
      ))}
      {ticking !== null && (
        <TickDialog
          item={ticking}
          onClose={() => {
            setTicking(null);
            again();
          }}
        />
      )}
    </div>
  );
}

interface CellProps {
  readonly cell: RunbookCell | null;
  readonly item: Item;
  readonly own: boolean;
  readonly onTick: () => void;
  readonly onUntick: () => void;
}

const ICONS = { done: CircleCheck, attention: CircleAlert, open: Circle } as const;
const TONES = { done: 'good', attention: 'caution', open: 'quiet' } as const;
const WORDS = { done: 'done', attention: 'needs a look', open: 'open' } as const;

function Cell({ cell, item, own, onTick, onUntick }: CellProps): React.JSX.Element {
  if (cell === null) return <span className="faint">–</span>;
  const Icon = ICONS[cell.state];
  const mayTick = own && cell.tick === null && cell.state !== 'done' && item.forPeople;
  return (
    <div className="runbook-cell">
      <Icon size={15} className={`tone-icon tone-${TONES[cell.state]}`} role="img" aria-label={WORDS[cell.state]} />
      <div>
        <p>
          <Prose text={cell.sentence} />
        </p>
        {cell.tick !== null && (
          <p className="muted">
            {cell.tick.by}, <TimeText at={cell.tick.at} />{' '}
            {own && (
              <Button variant="quiet" onClick={onUntick} aria-label={`Take back: ${item.title}`}>
                Take back
              </Button>
            )}
          </p>
        )}
        {mayTick && (
          <Button variant="quiet" onClick={onTick} aria-label={`Confirm: ${item.title}`}>
            Confirm…
          </Button>
        )}
      </div>
    </div>
  );
}

function TickDialog({ item, onClose }: { readonly item: Item; readonly onClose: () => void }): React.JSX.Element {
  const [by, setBy] = useState('');
  const [note, setNote] = useState('');
  return (
    <ConfirmDialog
      title={`Confirm: ${item.title}`}
      opened
      onClose={onClose}
      act="Confirm it"
      onConfirm={async () => {
        if (by.trim() === '')
          return {
            code: 'runbook/name',
            message: 'It needs the name of a person.',
            remedy: 'It stands in the runbook, so that it is known later who knew what.',
          };
        const reply = await call('runbook.tick', { id: item.id, by: by.trim(), note: note.trim() });
        return reply.ok ? null : reply.failure;
      }}
    >
      <p>{item.why}</p>
      <TextField label="Who says so" value={by} onChange={setBy} data-autofocus />
      <TextField label="Note" value={note} onChange={setNote} />
    </ConfirmDialog>
  );
}

async function savePrint(): Promise<void> {
  const saved = await perform('checks', 'runbook.save', undefined);
  if (saved !== null) toast('Runbook saved', saved.path);
}
