/** Everything about one item: problems first, then the facts; comparing and saving it. */
import { Columns2, Download, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import {
  PART_FORMATS,
  type InspectedItem,
  type InspectionShown,
  type ItemDifference,
  type PartFormat,
} from '../../../contract/inspection';
import { call } from '../../bridge';
import { Badge } from '../../components/badge';
import { Button, IconButton } from '../../components/button';
import { Dialog } from '../../components/dialog';
import { CheckField, ChoiceField, Fields } from '../../components/field';
import { KeyValueList, type KeyValue } from '../../components/key-value-list';
import { PasswordInput } from '@mantine/core';
import { ProblemNote } from '../../components/problem-note';
import { ShortId } from '../../components/short-id';
import { TimeText } from '../../components/time-text';
import { toast } from '../../components/toast';
import '../../components/plain-table.css';
import { distance } from '../../format/time';
import { inWords, sentenceCase } from '../../format/words';
import { perform } from '../../hooks/use-call';
import { compareWith, select, titleOf } from './inspection-store';

interface DetailsProps {
  readonly inspection: InspectionShown;
  readonly item: InspectedItem;
  readonly compared: InspectedItem | null;
  readonly now: number;
}

export function ItemDetails({ inspection, item, compared, now }: DetailsProps): React.JSX.Element {
  const [saving, setSaving] = useState(false);
  const others = inspection.items.filter(({ index, kind }) => index !== item.index && kind === item.kind);
  return (
    <section className="inspect-details" aria-label="Details">
      <div className="inspect-head">
        <div>
          <h3>{titleOf(item)}</h3>
          <p className="muted">
            {sentenceCase(inWords(item.kind))}
            {item.role !== 'unknown' && `, ${inWords(item.role)}`}
          </p>
        </div>
        {others.length > 0 && (
          <ChoiceField
            label={<span className="unseen">Compare with</span>}
            value={compared === null ? '' : String(compared.index)}
            choices={[
              { value: '', label: 'Compare with…' },
              ...others.slice(0, 200).map((other) => ({
                value: String(other.index),
                label: `${titleOf(other)} (${other.file.split(/[\\/]/).at(-1) ?? ''})`,
              })),
            ]}
            onChange={(value) => {
              compareWith(value === '' ? null : Number(value));
            }}
          />
        )}
        <Button
          icon={Download}
          cannot={
            item.locked
              ? 'It is locked; give its password first.'
              : item.kind === 'database'
                ? 'Use Source for a whole database.'
                : null
          }
          onClick={() => {
            setSaving(true);
          }}
        >
          Save…
        </Button>
      </div>
      {item.problems.map((problem) => (
        <ProblemNote
          key={problem.code}
          plain
          severity={problem.severity}
          what={problem.sentence}
          remedy={problem.remedy}
          code={problem.code}
        />
      ))}
      {compared !== null && <Comparison a={item} b={compared} />}
      <KeyValueList items={factsOf(inspection, item, now)} />
      <SaveDialog
        item={item}
        opened={saving}
        onClose={() => {
          setSaving(false);
        }}
      />
    </section>
  );
}

function factsOf(inspection: InspectionShown, item: InspectedItem, now: number): KeyValue[] {
  const text = (label: string, value: string | null): KeyValue[] =>
    value === null || value === '' ? [] : [{ label, value: <span className="inspect-value">{value}</span> }];
  const list = (label: string, values: readonly string[]): KeyValue[] => text(label, values.join(', '));
  const hash = (label: string, value: string | null): KeyValue[] =>
    value === null ? [] : [{ label, value: <ShortId value={value} label={label} ends={12} /> }];
  const issuer = inspection.links.find(({ certificate }) => certificate === item.index)?.issuer;
  const issuerItem = issuer === undefined || issuer === item.index ? undefined : inspection.items[issuer];
  return [
    ...text('Subject', item.subject),
    ...text('Issuer', item.issuer),
    ...(issuerItem === undefined ? [] : [{ label: 'Issued by', value: <ItemLink item={issuerItem} /> }]),
    ...text('Serial number', item.serial),
    ...(item.notBefore === null || item.notAfter === null
      ? []
      : [
          {
            label: 'Valid',
            value: (
              <>
                <TimeText at={item.notBefore} as="day" /> to <TimeText at={item.notAfter} as="day" />,{' '}
                {item.notAfter > now ? `ends ${distance(item.notAfter, now)}` : `ended ${distance(item.notAfter, now)}`}
              </>
            ),
          },
        ]),
    ...text(
      'Key',
      item.keyType === null ? null : `${item.keyType}${item.keyBits === null ? '' : `, ${item.keyBits} bits`}`,
    ),
    ...text('Topic', item.topic),
    ...list('Names', item.sans),
    ...(item.kind === 'certificate' ? [{ label: 'CA', value: item.isCa ? 'yes' : 'no' }] : []),
    ...list('Key usage', [...item.keyUsage, ...item.extendedKeyUsage]),
    ...text('Signed with', item.signatureAlgorithm),
    ...(item.chain === null ? [] : [{ label: 'Chain', value: inWords(item.chain.state) }]),
    ...(item.encrypted
      ? [
          {
            label: 'Encrypted',
            value: <Badge tone={item.locked ? 'caution' : 'good'}>{item.locked ? 'Locked' : 'Opened'}</Badge>,
          },
        ]
      : []),
    ...hash('SHA-256', item.sha256),
    ...hash('SHA-1', item.sha1),
    ...Object.entries(item.facts).flatMap(([name, value]) =>
      value === null ? [] : text(fieldName(name), Array.isArray(value) ? value.join(', ') : String(value)),
    ),
    ...text('File', item.path === '' ? item.file : `${item.file}, ${item.path}`),
    ...list(
      'Also in',
      item.alsoIn.map(({ file, path }) => (path === '' ? file : `${file}, ${path}`)),
    ),
  ];
}

/** `notAfter` → Not after; hashes as they are written everywhere. */
function fieldName(name: string): string {
  const words = sentenceCase(name.replaceAll(/([A-Z])/g, ' $1').toLowerCase());
  return words.replace(/sha(256|1)\b/i, 'SHA-$1');
}

function ItemLink({ item }: { readonly item: InspectedItem }): React.JSX.Element {
  return (
    <Button
      variant="quiet"
      className="inspect-link"
      onClick={() => {
        select(item.index);
      }}
    >
      {titleOf(item)}
    </Button>
  );
}

/** Two items side by side: only what differs. */
function Comparison({ a, b }: { readonly a: InspectedItem; readonly b: InspectedItem }): React.JSX.Element {
  const [differences, setDifferences] = useState<readonly ItemDifference[] | null>(null);
  useEffect(() => {
    let current = true;
    void call('inspect.compare', { a: a.index, b: b.index }).then((reply) => {
      if (current && reply.ok) setDifferences(reply.value);
    });
    return () => {
      current = false;
    };
  }, [a, b]);
  return (
    <div className="inspect-compare">
      <div className="inspect-compare-head">
        <Columns2 size={15} aria-hidden />
        <span>
          Compared with {titleOf(b)}, {b.file.split(/[\\/]/).at(-1)}
        </span>
        <IconButton
          icon={X}
          label="Stop comparing"
          onClick={() => {
            compareWith(null);
          }}
        />
      </div>
      {differences !== null && differences.length === 0 && <p className="muted">They are the same.</p>}
      {differences !== null && differences.length > 0 && (
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">Differs</th>
              <th scope="col">This one</th>
              <th scope="col">The other</th>
            </tr>
          </thead>
          <tbody>
            {differences.map(({ field, a: left, b: right }) => (
              <tr key={field}>
                <th scope="row">{fieldName(field.replace('facts.', ''))}</th>
                <td className="inspect-value">{left}</td>
                <td className="inspect-value">{right}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

const FORMAT_NAMES: Readonly<Record<PartFormat, string>> = {
  pem: 'PEM',
  der: 'DER',
  pkcs12: 'PKCS#12, with the key that belongs to it',
};

interface SaveDialogProps {
  readonly item: InspectedItem;
  readonly opened: boolean;
  readonly onClose: () => void;
}

function SaveDialog({ item, opened, onClose }: SaveDialogProps): React.JSX.Element {
  const [format, setFormat] = useState<PartFormat>('pem');
  const [withChain, setWithChain] = useState(false);
  const [password, setPassword] = useState('');
  const formats = PART_FORMATS.filter((one) => one !== 'pkcs12' || item.kind === 'certificate' || item.kind === 'key');
  const save = async (): Promise<void> => {
    const secret = format === 'pkcs12' ? password : null;
    setPassword('');
    onClose();
    const saved = await perform('certificates', 'inspect.export', {
      item: item.index,
      format,
      password: secret,
      withChain,
    });
    if (saved !== null) toast(`Saved to ${saved.path}`);
  };
  return (
    <Dialog title={`Save ${titleOf(item)}`} opened={opened} onClose={onClose}>
      <Fields>
        <ChoiceField
          label="As"
          value={format}
          choices={formats.map((value) => ({ value, label: FORMAT_NAMES[value] }))}
          onChange={setFormat}
        />
        {format !== 'der' && item.kind === 'certificate' && (
          <CheckField label="With the issuers that are at hand" checked={withChain} onChange={setWithChain} />
        )}
        {format === 'pkcs12' && (
          <PasswordInput
            label="Password of the new file"
            value={password}
            autoComplete="off"
            visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
            onChange={(event) => {
              setPassword(event.currentTarget.value);
            }}
          />
        )}
        {item.kind === 'key' && (
          <ProblemNote
            plain
            severity="caution"
            what="This writes a private key. Only you can read the file; keep it that way."
          />
        )}
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button
            icon={Download}
            cannot={format === 'pkcs12' && password === '' ? 'A PKCS#12 file needs a password.' : null}
            onClick={() => void save()}
          >
            Save…
          </Button>
        </div>
      </Fields>
    </Dialog>
  );
}
