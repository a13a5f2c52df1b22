/** A SCEP CA that ends soon gets a later end: same key, same name, proven on the devices’ certificates before it is saved. */
import { Download, Hash, RefreshCcw, ShieldCheck } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { CaExtensionShown } from '../../../contract/given-files';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { ChoiceCards, type ChoiceCard } from '../../components/choice-cards';
import { ChoiceField, FieldRow } from '../../components/field';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { TimeText } from '../../components/time-text';
import { toast } from '../../components/toast';
import '../../components/plain-table.css';
import '../../components/stack.css';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useNow } from '../../hooks/use-now';
import { useAppState } from '../../stores/app-state';
import { goTo } from '../../stores/route';
import { GivenPile } from './given-pile';
import { choose, takeUpGiven, useGiven } from './given-store';

const DAY = 86_400_000;
const FIVE_YEARS = 5 * 365.25 * DAY;
const YEARS = [5, 10, 15, 20] as const;

type Serial = 'new' | 'kept';

const SERIALS: readonly ChoiceCard<Serial>[] = [
  {
    value: 'new',
    label: 'A new serial number',
    sentence:
      'The right one before any Mac has escrowed a disk encryption key: the old and the new certificate can be told apart everywhere.',
    icon: RefreshCcw,
    tone: 'info',
  },
  {
    value: 'kept',
    label: 'Keep the serial number',
    sentence:
      'Once disk encryption keys were escrowed: they are encrypted to issuer and serial number, and could not be read under another. Also where device certificates name the CA’s serial. Do not keep both certificates in one keychain.',
    icon: Hash,
    tone: 'caution',
  },
];

export function CaExtension(): React.JSX.Element {
  const ca = useAppState((state) => state.source?.scepCa ?? null);
  const devices = useAppState((state) => state.source?.counts.devices ?? 0);
  const told = useAppState((state) => (state.source?.sample === true ? state.source.instant : null));
  const busy = useAppState((state) => (state.job === null ? null : 'Something is under way.'));
  const clock = useNow();
  const now = told ?? clock;
  const [from, setFrom] = useState<'source' | 'files'>(ca === null ? 'files' : 'source');
  const origin = ca === null ? 'files' : from;
  const [years, setYears] = useState<(typeof YEARS)[number]>(10);
  const [serial, setSerial] = useState<Serial>('new');
  const [made, setMade] = useState<{ readonly asked: string; readonly extension: CaExtensionShown } | null>(null);
  const [saved, setSaved] = useState<string | null>(null);
  const files = useGiven((held) =>
    JSON.stringify(held.piles.flatMap(({ slot, things }) => (slot === 'ca' || slot === 'proof' ? things : []))),
  );
  const fingerprint = useAppState((state) => state.source?.fingerprint ?? '');
  // What was made belongs to what it was made from.
  const asked = JSON.stringify([origin, years, serial, fingerprint, files]);
  const extension = made?.asked === asked ? made.extension : null;
  useEffect(() => {
    void takeUpGiven();
  }, []);
  const extend = async (): Promise<void> => {
    setSaved(null);
    const answer = await perform('certificates', 'ca.extend', { from: origin, years, keepSerial: serial === 'kept' });
    setMade(answer === null ? null : { asked, extension: answer });
  };
  const save = async (): Promise<void> => {
    const answer = await perform('certificates', 'ca.save', undefined);
    if (answer === null) return;
    toast(`Saved to ${answer.path}`);
    setSaved(answer.path);
    choose('ca', 'files');
    await takeUpGiven();
  };
  return (
    <Panel
      title="Extend the SCEP CA"
      sentence="Fleet issues and renews with the old CA, so one with under five years left gets a later end first: the same key, name and key identifier. Do it before Macs escrow disk encryption keys."
    >
      <div className="stack">
        {ca !== null && (
          <ProblemNote
            plain
            severity={ca.notAfter - now < FIVE_YEARS ? 'caution' : 'pass'}
            what={
              ca.notAfter <= now
                ? 'The source’s CA has ended.'
                : `The source’s CA ends in ${counted(Math.floor((ca.notAfter - now) / (365.25 * DAY)), 'whole year')}.`
            }
            why={
              ca.notAfter - now < FIVE_YEARS
                ? 'No certificate can be issued beyond its end, and its own end cuts every device off.'
                : 'Five years and more are left: it may stay as it is.'
            }
          />
        )}
        <FieldRow>
          <ChoiceField
            label="The CA"
            value={origin}
            choices={[
              ...(ca === null ? [] : [{ value: 'source' as const, label: 'The source’s' }]),
              { value: 'files' as const, label: 'From files' },
            ]}
            onChange={setFrom}
          />
          <ChoiceField
            label="New end, from today"
            value={String(years) as `${(typeof YEARS)[number]}`}
            choices={YEARS.map((value) => ({ value: String(value) as `${typeof value}`, label: `${value} years` }))}
            onChange={(value) => {
              setYears(Number(value) as (typeof YEARS)[number]);
            }}
          />
        </FieldRow>
        {origin === 'files' && (
          <GivenPile slot="ca" label="Files of the SCEP CA" hint="Its certificate and its key, in any form." />
        )}
        <ChoiceCards label="Its serial number" choices={SERIALS} value={serial} onChange={setSerial} />
        <GivenPile
          slot="proof"
          label="Certificates of devices to prove it on"
          hint={
            devices > 0
              ? `The source’s own ${counted(devices, 'device')} are taken too, as far as their certificates are in it.`
              : 'Without a source nothing else proves that devices keep their trust.'
          }
        />
        <div className="acts">
          <Button icon={ShieldCheck} cannot={busy} onClick={() => void extend()}>
            Extend and prove
          </Button>
          <span className="muted">Nothing is written yet.</span>
        </div>
        {extension !== null && <Outcome extension={extension} />}
        {extension !== null && (
          <div className="acts">
            <Button icon={Download} cannot={busy} onClick={() => void save()}>
              Save the certificate…
            </Button>
            {saved !== null && (
              <Button
                variant="quiet"
                onClick={() => {
                  goTo('certificates', 'view=fleet');
                }}
              >
                Bring it into Fleet
              </Button>
            )}
            <span className="muted">
              {saved === null
                ? 'The key stays the old one. What is saved is what goes into Fleet from here.'
                : 'Chosen for Fleet, with the old key.'}
            </span>
          </div>
        )}
      </div>
    </Panel>
  );
}

function Outcome({ extension }: { readonly extension: CaExtensionShown }): React.JSX.Element {
  const { old, extended, keptSerial, proof, notes } = extension;
  return (
    <>
      <ProblemNote
        plain
        severity={proof.proven > 0 ? 'pass' : 'warning'}
        what={
          proof.proven > 0
            ? `${counted(proof.proven, 'device certificate')} verified under the new certificate as under the old one.`
            : 'It could not be proven on any device certificate.'
        }
        why={
          proof.foreignCount === 0
            ? 'Names, key identifiers and signatures were compared, one by one.'
            : `${counted(proof.foreignCount, 'certificate')} were not issued by this CA, neither before nor now: ${proof.foreign.slice(0, 3).join(', ')}${proof.foreignCount > 3 ? ', …' : ''}.`
        }
      />
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">
              <span className="unseen">Field</span>
            </th>
            <th scope="col">The old certificate</th>
            <th scope="col">The new one</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Subject</th>
            <td className="mono">{old.subject}</td>
            <td>
              <Same />
            </td>
          </tr>
          <tr>
            <th scope="row">Begins</th>
            <td>
              <TimeText at={old.notBefore} as="day" />
            </td>
            <td>
              <Same />
            </td>
          </tr>
          <tr>
            <th scope="row">Ends</th>
            <td>
              <TimeText at={old.notAfter} as="day" />
            </td>
            <td>
              <b>
                <TimeText at={extended.notAfter} as="day" />
              </b>
            </td>
          </tr>
          <tr>
            <th scope="row">Serial number</th>
            <td className="mono">{old.serial}</td>
            <td className="mono">{keptSerial ? <Same /> : <b>{extended.serial}</b>}</td>
          </tr>
        </tbody>
      </table>
      {notes.map(({ code, severity, sentence }) => (
        <ProblemNote key={code} plain severity={severity} what={sentence} code={code} />
      ))}
    </>
  );
}

function Same(): React.JSX.Element {
  return (
    <Badge bare tone="quiet">
      the same
    </Badge>
  );
}
