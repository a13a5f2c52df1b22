/** Making and changing the ladder: what leads devices, who moves when, and until when all have moved. */
import { ArrowDown, ArrowUp, Plus, Save, Trash2 } from 'lucide-react';
import { useState } from 'react';
import type { LadderDraft, LadderView, WaveDraft } from '../../../contract/waves';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { Button, IconButton } from '../../components/button';
import { CheckField, ChoiceField, FieldRow, Fields, TextField } from '../../components/field';
import { ChoiceCards } from '../../components/choice-cards';
import { FailurePanel } from '../../components/failure-panel';
import { Panel } from '../../components/panel';
import { SecretField } from '../../components/secret-field';
import { toast } from '../../components/toast';
import { useAppState } from '../../stores/app-state';
import { goTo } from '../../stores/route';
import { ListField } from './list-field';

const KINDS: readonly { readonly value: WaveDraft['kind']; readonly label: string }[] = [
  { value: 'list', label: 'These devices' },
  { value: 'percentage', label: 'A percentage' },
  { value: 'team', label: 'A team of Fleet’s' },
  { value: 'platform', label: 'A platform' },
  { value: 'name', label: 'Names with' },
  { value: 'ending', label: 'Certificate ends before' },
  { value: 'all', label: 'All' },
];

const PLATFORMS = ['darwin', 'ios', 'ipados', 'tvos', 'watchos', 'visionos'].map((value) => ({ value, label: value }));

const DAY = 86_400_000;

const BLANK = { map: '', socket: '', byHand: false, file: '', url: '', caFile: '', plainConfirmed: false };

function draftOf(ladder: LadderView | null): LadderDraft {
  if (ladder !== null) {
    return {
      engine: ladder.engine,
      ends: ladder.ends,
      rungs: ladder.rungs.map(({ name, kind, value, migrated, attention }) => ({
        name,
        kind,
        value,
        migrated,
        attention,
      })),
    };
  }
  const wave = (name: string, kind: WaveDraft['kind'], value: string): WaveDraft => ({
    name,
    kind,
    value,
    migrated: 95,
    attention: 0,
  });
  return {
    engine: {
      kind: 'haproxy',
      instances: [{ ...BLANK, name: 'lb1', map: '/etc/haproxy/slipway.map', socket: '/run/haproxy/slipway.sock' }],
    },
    ends: Math.ceil(Date.now() / DAY + 28) * DAY,
    rungs: [
      wave('pilot', 'list', ''),
      wave('10 %', 'percentage', '10'),
      wave('50 %', 'percentage', '50'),
      wave('all', 'all', ''),
    ],
  };
}

export function LadderForm(): React.JSX.Element {
  const ladder = useAppState((state) => state.waves.ladder);
  const cannotRead = useAppState((state) => (state.source === null ? 'Read the source first.' : null));
  const busy = useAppState((state) => (state.job === null ? null : 'Something else is under way.'));
  const [draft, setDraft] = useState(() => draftOf(ladder));
  const [ends, setEnds] = useState(() => new Date(draft.ends).toISOString().slice(0, 10));
  const [first, setFirst] = useState(false);
  const [failure, setFailure] = useState<ReplyFailure | null>(null);
  const change = (part: Partial<LadderDraft>): void => {
    setDraft((before) => ({ ...before, ...part }));
  };
  const day = /^\d{4}-\d\d-\d\d$/.test(ends) ? Date.parse(`${ends}T23:59:59Z`) : NaN;
  const save = async (): Promise<void> => {
    setFailure(null);
    const reply = await call('waves.saveLadder', { draft: { ...draft, ends: day }, certificatesFirst: first });
    if (!reply.ok) {
      setFailure(reply.failure);
      return;
    }
    toast('Ladder saved', 'Who changed it is kept with it.');
    goTo('waves', '');
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      {failure !== null && <FailurePanel failure={failure} why="The ladder was not changed." />}
      <EngineFields draft={draft} onChange={change} />
      <Panel
        title="Waves"
        sentence="Each adds to those before it. A percentage means the same devices as mdmproxy’s own."
        aside={
          <Button
            icon={Plus}
            onClick={() => {
              change({
                rungs: [
                  ...draft.rungs,
                  {
                    name: `wave ${draft.rungs.length + 1}`,
                    kind: 'percentage',
                    value: '25',
                    migrated: 95,
                    attention: 0,
                  },
                ],
              });
            }}
          >
            Add a wave
          </Button>
        }
      >
        <ol className="rung-fields" aria-label="Waves to edit">
          {draft.rungs.map((rung, index) => (
            <RungFields
              key={index}
              rung={rung}
              index={index}
              count={draft.rungs.length}
              onChange={(part) => {
                change({ rungs: draft.rungs.map((one, at) => (at === index ? { ...one, ...part } : one)) });
              }}
              onMove={(by) => {
                change({ rungs: moved(draft.rungs, index, by) });
              }}
              onRemove={() => {
                change({ rungs: draft.rungs.filter((_, at) => at !== index) });
              }}
            />
          ))}
        </ol>
      </Panel>
      <Panel title="How long it may take">
        <Fields>
          <TextField
            label="The last wave has moved by"
            hint="Fleet’s renewal of certificates stays off until then. A ladder that would outlast a certificate is refused."
            placeholder="2027-01-31"
            mono
            value={ends}
            error={Number.isNaN(day) ? 'Write it like 2027-01-31.' : null}
            onChange={setEnds}
          />
          <CheckField
            label="Devices whose certificate ends too early go first"
            hint="They become the first wave. Those that end within 14 days of the last one count."
            checked={first}
            onChange={setFirst}
          />
          <div>
            <Button
              type="submit"
              variant="primary"
              icon={Save}
              cannot={cannotRead ?? busy ?? (Number.isNaN(day) ? 'Say by which day all have moved.' : null)}
            >
              {ladder === null ? 'Make the ladder' : 'Save the ladder'}
            </Button>
          </div>
        </Fields>
      </Panel>
    </form>
  );
}

function moved(rungs: readonly WaveDraft[], index: number, by: number): WaveDraft[] {
  const next = [...rungs];
  const [one] = next.splice(index, 1);
  if (one !== undefined) next.splice(index + by, 0, one);
  return next;
}

interface EngineFieldsProps {
  readonly draft: LadderDraft;
  readonly onChange: (part: Partial<LadderDraft>) => void;
}

function EngineFields({ draft, onChange }: EngineFieldsProps): React.JSX.Element {
  const { engine } = draft;
  const changeInstances = (instances: LadderDraft['engine']['instances']): void => {
    onChange({ engine: { ...engine, instances } });
  };
  const changeOne = (index: number, part: Partial<LadderDraft['engine']['instances'][number]>): void => {
    changeInstances(engine.instances.map((one, at) => (at === index ? { ...one, ...part } : one)));
  };
  return (
    <Panel
      title="What leads devices"
      aside={
        <Button
          icon={Plus}
          onClick={() => {
            changeInstances([...engine.instances, { ...BLANK, name: `lb${engine.instances.length + 1}` }]);
          }}
        >
          Add an instance
        </Button>
      }
    >
      <div className="stack">
        <ChoiceCards
          label="Kind"
          value={engine.kind}
          choices={[
            {
              value: 'haproxy',
              label: 'HAProxy',
              sentence: 'Recommended: several instances, read back after each change, a restart loses nothing.',
            },
            {
              value: 'mdmproxy',
              label: 'Fleet’s mdmproxy',
              sentence: 'If it stands there already. It cannot be read back, and forgets everything at a restart.',
            },
          ]}
          onChange={(kind) => {
            onChange({ engine: { ...engine, kind } });
          }}
        />
        {engine.kind === 'mdmproxy' && <SecretField kind="proxy-token" label="mdmproxy’s token" fromFile />}
        {engine.instances.map((one, index) => (
          <fieldset key={index} className="instance-fields">
            <legend className="unseen">Instance {one.name}</legend>
            <FieldRow>
              <TextField
                label="Instance"
                mono
                value={one.name}
                onChange={(name) => {
                  changeOne(index, { name });
                }}
              />
              {engine.kind === 'haproxy' ? (
                <>
                  <TextField
                    label="Map file"
                    hint="As HAProxy’s configuration names it."
                    mono
                    value={one.map}
                    onChange={(map) => {
                      changeOne(index, { map });
                    }}
                  />
                  <TextField
                    label="Socket"
                    hint="A unix socket, here or forwarded over SSH; never a port."
                    mono
                    value={one.socket}
                    onChange={(socket) => {
                      changeOne(index, { socket });
                    }}
                  />
                </>
              ) : (
                <TextField
                  label="Address"
                  mono
                  placeholder="https://proxy.example.com"
                  value={one.url}
                  onChange={(url) => {
                    changeOne(index, { url });
                  }}
                />
              )}
              {engine.instances.length > 1 && (
                <IconButton
                  icon={Trash2}
                  label={`Take ${one.name} out`}
                  onClick={() => {
                    changeInstances(engine.instances.filter((_, at) => at !== index));
                  }}
                />
              )}
            </FieldRow>
            {engine.kind === 'haproxy' && (
              <FieldRow>
                <CheckField
                  label="I carry the map file there by hand"
                  checked={one.byHand}
                  onChange={(byHand) => {
                    changeOne(index, { byHand });
                  }}
                />
                {(one.byHand || one.file !== '') && (
                  <TextField
                    label="Map file here"
                    hint="Where it is written on this machine."
                    mono
                    value={one.file}
                    onChange={(file) => {
                      changeOne(index, { file });
                    }}
                  />
                )}
              </FieldRow>
            )}
          </fieldset>
        ))}
      </div>
    </Panel>
  );
}

interface RungFieldsProps {
  readonly rung: WaveDraft;
  readonly index: number;
  readonly count: number;
  readonly onChange: (part: Partial<WaveDraft>) => void;
  readonly onMove: (by: number) => void;
  readonly onRemove: () => void;
}

function RungFields({ rung, index, count, onChange, onMove, onRemove }: RungFieldsProps): React.JSX.Element {
  return (
    <li className="rung-field">
      <FieldRow>
        <TextField
          label="Wave"
          value={rung.name}
          onChange={(name) => {
            onChange({ name });
          }}
        />
        <ChoiceField
          label="Who"
          value={rung.kind}
          choices={KINDS}
          onChange={(kind) => {
            onChange({ kind, value: kind === 'platform' ? 'darwin' : '' });
          }}
        />
        <Value rung={rung} onChange={onChange} />
        {index > 0 && (
          <>
            <TextField
              label="Migrated before, %"
              inputMode="numeric"
              mono
              value={String(rung.migrated)}
              onChange={(text) => {
                if (/^\d{0,3}$/.test(text)) onChange({ migrated: Math.min(100, Number(text)) });
              }}
            />
            <TextField
              label="Attention at most"
              inputMode="numeric"
              mono
              value={String(rung.attention)}
              onChange={(text) => {
                if (/^\d{0,6}$/.test(text)) onChange({ attention: Number(text) });
              }}
            />
          </>
        )}
      </FieldRow>
      <div className="rung-field-acts">
        {index > 0 && (
          <IconButton
            icon={ArrowUp}
            label={`${rung.name} earlier`}
            onClick={() => {
              onMove(-1);
            }}
          />
        )}
        {index < count - 1 && (
          <IconButton
            icon={ArrowDown}
            label={`${rung.name} later`}
            onClick={() => {
              onMove(1);
            }}
          />
        )}
        {count > 1 && <IconButton icon={Trash2} label={`Take ${rung.name} out`} onClick={onRemove} />}
      </div>
      {rung.kind === 'list' && (
        <ListField
          value={rung.value}
          onChange={(value) => {
            onChange({ value });
          }}
        />
      )}
    </li>
  );
}

function Value({ rung, onChange }: Pick<RungFieldsProps, 'rung' | 'onChange'>): React.JSX.Element | null {
  const typed = (value: string): void => {
    onChange({ value });
  };
  switch (rung.kind) {
    case 'all':
    case 'list':
      return null;
    case 'platform':
      return <ChoiceField label="Platform" value={rung.value} choices={PLATFORMS} onChange={typed} />;
    case 'percentage':
      return <TextField label="Percent" inputMode="numeric" mono value={rung.value} onChange={typed} />;
    case 'team':
      return <TextField label="Team" value={rung.value} onChange={typed} />;
    case 'name':
      return <TextField label="Part of the name" value={rung.value} onChange={typed} />;
    case 'ending':
      return <TextField label="Day" placeholder="2027-01-31" mono value={rung.value} onChange={typed} />;
  }
}
