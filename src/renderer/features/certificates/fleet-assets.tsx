/** The push certificate and the SCEP CA into Fleet: what it holds, what would change, writing and taking back. */
import { FlaskConical, PenLine, RefreshCw, Undo2 } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { AssetsPlanShown, AssetsResultShown, AssetsUndoneShown } from '../../../contract/assets';
import { call } from '../../bridge';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { Code } from '../../components/code';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { CheckField } from '../../components/field';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { Prose } from '../../components/prose';
import { SecretField } from '../../components/secret-field';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { isPretend } from '../apply/apply-standing';
import { TargetWord } from '../apply/target-word';
import { goAction } from '../go-action';
import '../../components/plain-table.css';
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
  if (pretend) return null;
  return <AssetsPanel key={place} />;
}

function AssetsPanel(): React.JSX.Element {
  const fleet = useAppState((state) => state.fleet);
  const holdsKey = useAppState((state) => state.secrets.held.includes('server-private-key'));
  const busy = useAppState((state) => (state.job === null ? null : 'Something is under way.'));
  const accepted = useAppState((state) => state.workspace?.settings.accepted ?? NONE);
  const [plan, setPlan] = useState<AssetsPlanShown | null>(null);
  const [result, setResult] = useState<AssetsResultShown | null>(null);
  const [undone, setUndone] = useState<AssetsUndoneShown | null>(null);
  const [journal, setJournal] = useState<string | null>(null);
  const [dialog, setDialog] = useState<'rehearse' | 'write' | 'undo' | null>(null);
  useEffect(() => {
    void call('assets.journals', undefined).then((reply) => {
      setJournal(reply.ok ? (reply.value[0] ?? null) : null);
    });
  }, [result, undone]);
  const look = async (): Promise<void> => {
    const made = await perform('certificates', 'assets.plan', undefined);
    if (made !== null) setPlan(made);
  };
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
      {fleet === null && (
        <ProblemNote
          plain
          severity="info"
          what="Not connected to Fleet."
          actions={[goAction('fleet', 'Go to Fleet')]}
        />
      )}
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
                <CheckField
                  label="Accept this by name"
                  checked={accepted.includes(block.code)}
                  onChange={(checked) => {
                    const next = checked ? [...accepted, block.code] : accepted.filter((other) => other !== block.code);
                    void perform('certificates', 'workspace.save', { accepted: next }).then(look);
                  }}
                />
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
          {!plan.settled && (
            <div className="assets-acts">
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
            </div>
          )}
        </div>
      )}
      {result !== null && <Outcome result={result} />}
      {undone !== null && (
        <ProblemNote
          plain
          severity="pass"
          what={`Taken back: ${counted(undone.removed.length, 'row')} removed, ${undone.restored.length} active again.`}
          why={undone.notes.join(' ')}
        />
      )}
      {journal !== null && fleet !== null && (
        <div className="assets-acts">
          <Button
            icon={Undo2}
            variant="quiet"
            cannot={busy}
            onClick={() => {
              setDialog('undo');
            }}
          >
            Take back what was written…
          </Button>
        </div>
      )}
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
      <ConfirmDialog
        title={`Take back on ${fleet?.host ?? ''}`}
        opened={dialog === 'undo'}
        onClose={() => {
          setDialog(null);
        }}
        act="Take them back"
        danger
        name={database}
        onConfirm={async (typed) => {
          const reply = await call('assets.undo', { journal: journal ?? '', rehearse: false, confirmation: typed });
          if (!reply.ok) return reply.failure;
          setUndone(reply.value);
          setResult(null);
          await look();
          return null;
        }}
      >
        <TargetWord />
        <p>
          The rows this workspace wrote last are deleted and what they replaced becomes active again, byte for byte. It
          is refused once any device has been heard from.
        </p>
      </ConfirmDialog>
    </Panel>
  );
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
  return <ProblemNote plain severity="pass" what={what} why={result.notes.join(' ')} />;
}
