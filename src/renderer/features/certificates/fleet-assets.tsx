/** The push certificate and the SCEP CA into Fleet: what it holds, what would change, writing and taking back. */
import { FileKey2, FlaskConical, PenLine, RefreshCw, Undo2 } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { AssetsPlanShown, AssetsResultShown, AssetsUndoneShown } from '../../../contract/assets';
import type { PairChoice } from '../../../contract/given-files';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { Code } from '../../components/code';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { CheckField } from '../../components/field';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { Prose } from '../../components/prose';
import { FailurePanel } from '../../components/failure-panel';
import { SecretField } from '../../components/secret-field';
import { toast } from '../../components/toast';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { isPretend } from '../apply/apply-standing';
import { TargetWord } from '../apply/target-word';
import { goAction } from '../go-action';
import { AssetsUndo, undoneInWords } from './assets-undo';
import { choiceOf, takeUpGiven, useGiven } from './given-store';
import { PairOrigins } from './pair-origin';
import '../../components/plain-table.css';
import '../../components/stack.css';
import './fleet-assets.css';

const NONE: readonly string[] = [];

const NAMES: Readonly<Record<string, string>> = {
  ca_cert: 'SCEP CA certificate',
  ca_key: 'SCEP CA key',
  apns_cert: 'Push certificate',
  apns_key: 'Push key',
};

const CA_CHANGES: Readonly<Record<AssetsPlanShown['ca'], string>> = {
  untouched: 'The SCEP CA is not part of this.',
  new: 'Fleet has no SCEP CA yet.',
  same: 'Fleet has this very SCEP CA.',
  reissued: 'The SCEP CA is re-issued for the same key and name: devices stay accepted.',
  different: 'Fleet has another SCEP CA: devices under that one would be refused.',
};

export function FleetAssets(): React.JSX.Element | null {
  // What was found was found at one Fleet: at another everything begins anew.
  const place = useAppState((state) =>
    state.fleet === null ? '' : `${state.fleet.host}:${state.fleet.port}/${state.fleet.database}`,
  );
  const pretend = useAppState(isPretend);
  useEffect(() => {
    void takeUpGiven();
  }, []);
  if (pretend) {
    return (
      <Panel title="Into Fleet">
        <ProblemNote
          plain
          severity="info"
          what="The sample’s Fleet is only pretended: there is no database to write keys and certificates to."
        />
      </Panel>
    );
  }
  return <AssetsPanel key={place} />;
}

function AssetsPanel(): React.JSX.Element {
  const fleet = useAppState((state) => state.fleet);
  const holdsKey = useAppState((state) => state.secrets.held.includes('server-private-key'));
  const busy = useAppState((state) => (state.job === null ? null : 'Something is under way.'));
  const accepted = useAppState((state) => state.workspace?.settings.accepted ?? NONE);
  const hasSource = useAppState((state) => state.source !== null);
  const canUpload = useAppState(
    ({ workspace, secrets }) => (workspace?.settings.fleet.url ?? '') !== '' && secrets.held.includes('fleet-token'),
  );
  const given = useGiven();
  const choice = choiceOf(given, hasSource);
  // What was looked at belongs to what was chosen then.
  const chosen = JSON.stringify([choice, given.piles]);
  const [looked, setLooked] = useState<{ readonly chosen: string; readonly plan: AssetsPlanShown } | null>(null);
  const plan = looked?.chosen === chosen ? looked.plan : null;
  const [upload, setUpload] = useState(false);
  const [accepting, setAccepting] = useState<AssetsPlanShown['blocks'][number] | null>(null);
  const [asking, setAsking] = useState(false);
  const [taking, setTaking] = useState<string | null>(null);
  const [result, setResult] = useState<AssetsResultShown | null>(null);
  const [undone, setUndone] = useState<AssetsUndoneShown | null>(null);
  const [journal, setJournal] = useState<string | null>(null);
  const [dialog, setDialog] = useState<'rehearse' | 'write' | null>(null);
  useEffect(() => {
    void call('assets.journals', undefined).then((reply) => {
      setJournal(reply.ok ? (reply.value[0] ?? null) : null);
    });
  }, [result, undone]);
  const look = async (): Promise<void> => {
    const made = await perform('certificates', 'assets.plan', choice);
    if (made !== null) setLooked({ chosen, plan: made });
  };
  const uploads =
    upload && choice.push !== 'none' && (plan?.ways.some(({ way, applies }) => way === 'api' && applies) ?? false);
  const database = fleet?.database ?? '';
  const open = plan?.blocks.filter((block) => block.open) ?? [];
  const cannotWrite =
    busy ??
    (plan === null ? 'Look at what Fleet holds first.' : null) ??
    (open.length > 0 ? 'Something stands against it.' : null) ??
    ((plan?.grants.length ?? 0) > 0 ? 'The account lacks rights.' : null);
  return (
    <Panel
      title="Into Fleet"
      sentence="Devices stay enrolled only where Fleet has this very CA and push certificate, each with its key. Put them there before any device is imported."
      aside={
        fleet === null || !holdsKey ? undefined : (
          <Button icon={RefreshCw} cannot={busy} onClick={() => void look()}>
            {plan === null ? 'Look at what Fleet holds' : 'Look again'}
          </Button>
        )
      }
    >
      <div className="stack">
        {fleet === null && (
          <ProblemNote
            plain
            severity="info"
            what="Not connected to Fleet."
            actions={[goAction('fleet', 'Go to Fleet')]}
          />
        )}
        <PairOrigins />
        {fleet !== null && (
          <SecretField
            kind="server-private-key"
            label="Fleet’s server private key"
            hint="FLEET_SERVER_PRIVATE_KEY. Fleet’s own assets are opened with it to prove that it is the right one."
          />
        )}
        {plan !== null && (
          <div className="assets">
            {plan.settled && <ProblemNote plain severity="pass" what="Everything stands there already." />}
            <p>
              {plan.privateKeyProvenBy === null
                ? 'The private key could not be proven: Fleet holds no asset yet.'
                : `The private key opens Fleet’s ${plan.privateKeyProvenBy}.`}{' '}
              {CA_CHANGES[plan.ca]}
              {plan.topic.changes && ` The push topic becomes ${plan.topic.wanted ?? 'none'}.`}
              {plan.serial !== null && ' The serial counter is lifted above the old CA’s.'}
            </p>
            <table className="plain-table">
              <thead>
                <tr>
                  <th scope="col">What</th>
                  <th scope="col">Done with it</th>
                  <th scope="col">Now in Fleet</th>
                  <th scope="col">Will be</th>
                </tr>
              </thead>
              <tbody>
                {plan.assets.map((asset) => (
                  <tr key={asset.name}>
                    <th scope="row">{NAMES[asset.name] ?? asset.name}</th>
                    <td>
                      <Badge bare tone={asset.action === 'keep' ? 'quiet' : 'info'}>
                        {asset.action}
                      </Badge>{' '}
                      <span className="muted">{asset.why}</span>
                    </td>
                    <td className="mono">{shown(asset.now)}</td>
                    <td className="mono">{shown(asset.wanted)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <p className="muted">
              {counted(plan.devices.native, 'device')} enrolled at this Fleet itself, {plan.devices.imported} imported,{' '}
              {plan.devices.escrowedKeys === null
                ? 'an unknown number of escrowed disk encryption keys'
                : counted(plan.devices.escrowedKeys, 'escrowed disk encryption key')}
              .
            </p>
            {plan.blocks.map((block) => (
              <ProblemNote
                key={block.code}
                plain
                severity={block.open ? 'block' : 'caution'}
                what={block.sentence}
                remedy={block.remedy}
                code={block.code}
              >
                {block.overridable && (
                  <div>
                    <Button
                      onClick={() => {
                        if (block.open) setAccepting(block);
                        else void accept(accepted.filter((other) => other !== block.code)).then(look);
                      }}
                    >
                      {block.open ? 'Accept it by name…' : 'Withdraw'}
                    </Button>
                  </div>
                )}
              </ProblemNote>
            ))}
            {plan.grants.length > 0 && (
              <ProblemNote
                plain
                severity="warning"
                what="The account lacks rights for this."
                remedy="Have this run by an administrator:"
              >
                <Code text={plan.grants.join('\n')} label="the grants" />
              </ProblemNote>
            )}
            {plan.notes.map((note) => (
              <p key={note} className="muted">
                {note}
              </p>
            ))}
            <ul className="assets-ways">
              {plan.ways.map(({ way, applies, sentence, restart }) => (
                <li key={way}>
                  <Badge tone={applies ? 'good' : 'quiet'}>{way}</Badge>
                  <span className={applies ? '' : 'muted'}>
                    <Prose text={applies ? `${sentence} ${restart}` : sentence} />
                  </span>
                </li>
              ))}
            </ul>
            {!plan.settled &&
              choice.push !== 'none' &&
              plan.ways.some(({ way, applies }) => way === 'api' && applies) && (
                <CheckField
                  label="Then upload the push certificate through Fleet’s API, so that no restart is needed"
                  hint={canUpload ? undefined : 'Give Fleet’s own address and an API token at Fleet first.'}
                  disabled={!canUpload}
                  checked={upload && canUpload}
                  onChange={setUpload}
                />
              )}
          </div>
        )}
        {result !== null && <Outcome result={result} />}
        {undone !== null && (
          <ProblemNote plain severity="pass" what={undoneInWords(undone)} why={undone.notes.join(' ')} />
        )}
        <div className="acts">
          {plan !== null && !plan.settled && (
            <>
              <Button
                icon={FlaskConical}
                cannot={cannotWrite}
                onClick={() => {
                  setDialog('rehearse');
                }}
              >
                Rehearse…
              </Button>
              <Button
                icon={PenLine}
                cannot={cannotWrite}
                onClick={() => {
                  setDialog('write');
                }}
              >
                Write to Fleet…
              </Button>
            </>
          )}
          <Button
            icon={FileKey2}
            variant="quiet"
            cannot={busy}
            onClick={() => {
              setAsking(true);
            }}
          >
            Environment file for a fresh Fleet…
          </Button>
          {journal !== null && fleet !== null && (
            <Button
              icon={Undo2}
              variant="quiet"
              cannot={busy}
              onClick={() => {
                setTaking(journal);
              }}
            >
              Take back what was written…
            </Button>
          )}
        </div>
      </div>
      <ConfirmDialog
        title="Accept what stands against it"
        opened={accepting !== null}
        onClose={() => {
          setAccepting(null);
        }}
        act="Accept it"
        danger
        name={accepting?.code ?? ''}
        onConfirm={async () => {
          const refused = await accept([...accepted, accepting?.code ?? '']);
          if (refused === null) await look();
          return refused;
        }}
      >
        <p>{accepting?.sentence}</p>
        <p className="muted">It is written into the journal with the reason given at Plan.</p>
      </ConfirmDialog>
      <EnvironmentDialog
        opened={asking}
        onClose={() => {
          setAsking(false);
        }}
        choice={choice}
        holdsKey={holdsKey}
      />
      <AssetsUndo
        journal={taking}
        onClose={() => {
          setTaking(null);
        }}
        onDone={(answer) => {
          setUndone(answer);
          setResult(null);
          if (!answer.rehearsal) void look();
        }}
      />
      {(['rehearse', 'write'] as const).map((what) => (
        <ConfirmDialog
          key={what}
          title={
            what === 'rehearse' ? `Rehearse on ${fleet?.host ?? ''}` : `Write to ${database} at ${fleet?.host ?? ''}`
          }
          opened={dialog === what}
          onClose={() => {
            setDialog(null);
          }}
          act={what === 'rehearse' ? 'Rehearse' : 'Write them'}
          {...(what === 'write' ? { name: database } : {})}
          onConfirm={async (typed) => {
            const reply = await call('assets.apply', {
              choice,
              upload: uploads && what === 'write',
              rehearse: what === 'rehearse',
              confirmation: what === 'rehearse' ? database : typed,
              planId: plan?.id ?? '',
            });
            if (!reply.ok) return reply.failure;
            setResult(reply.value);
            setUndone(null);
            if (what === 'write') await look();
            return null;
          }}
        >
          <TargetWord />
          <p>
            {counted(plan?.assets.filter(({ action }) => action !== 'keep').length ?? 0, 'row')} of mdm_config_assets in{' '}
            <b>{database}</b>, encrypted with Fleet’s key, in one transaction. They are read back and opened again
            before it is committed{what === 'rehearse' ? ', and here rolled back' : ''}. What is replaced is
            soft-deleted and can be taken back until a device has been heard from.
          </p>
        </ConfirmDialog>
      ))}
    </Panel>
  );
}

async function accept(accepted: readonly string[]): Promise<ReplyFailure | null> {
  const reply = await call('workspace.save', { accepted: [...new Set(accepted)] });
  return reply.ok ? null : reply.failure;
}

function shown(value: { readonly sha256: string; readonly length: number } | null): string {
  return value === null ? '–' : `${value.sha256.slice(0, 12)}…, ${value.length} bytes`;
}

function Outcome({ result }: { readonly result: AssetsResultShown }): React.JSX.Element {
  const what = result.rehearsal
    ? 'Rehearsed; everything was rolled back.'
    : result.outcome === 'already'
      ? 'Everything stood there already.'
      : `${counted(result.written.length, 'row')} written, read back and opened again.`;
  return (
    <>
      <ProblemNote plain severity="pass" what={what} why={result.notes.join(' ')} />
      {result.uploadFailure !== null && (
        <FailurePanel
          failure={result.uploadFailure}
          why="The rows stand; only the upload through Fleet’s API failed."
        />
      )}
    </>
  );
}

interface EnvironmentDialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly choice: PairChoice;
  readonly holdsKey: boolean;
}

/** The other way in: variables for one start of a Fleet that has neither pair yet. */
function EnvironmentDialog({ opened, onClose, choice, holdsKey }: EnvironmentDialogProps): React.JSX.Element {
  const [withKey, setWithKey] = useState(false);
  return (
    <ConfirmDialog
      title="Environment file for a fresh Fleet"
      opened={opened}
      onClose={onClose}
      act="Save it…"
      onConfirm={async () => {
        const reply = await call('assets.environment', { choice, withKey: withKey && holdsKey });
        if (!reply.ok) return reply.failure;
        if (reply.value !== null) toast(`Saved to ${reply.value.path}`);
        return null;
      }}
    >
      <p>
        Certificates and keys as environment variables, for one start of a Fleet whose database has neither pair yet. A
        pair that Fleet has already wins over them: where Fleet is connected, that is looked at first.
      </p>
      <CheckField
        label="With Fleet’s server private key"
        hint={holdsKey ? undefined : 'It was not given here; set FLEET_SERVER_PRIVATE_KEY yourself.'}
        disabled={!holdsKey}
        checked={withKey && holdsKey}
        onChange={setWithKey}
      />
      <p className="muted">The file holds private keys. Only you can read it; delete it after that start.</p>
    </ConfirmDialog>
  );
}
