/** What a reading found, at a glance: devices by platform and verdict, and the facts of the file. */
import { ArrowRight } from 'lucide-react';
import type { SourceSummary } from '../../../contract/state';
import { Badge } from '../../components/badge';
import { KeyValueList, type KeyValue } from '../../components/key-value-list';
import { Panel } from '../../components/panel';
import { ShortId } from '../../components/short-id';
import { StackedBar, type Share } from '../../components/stacked-bar';
import { TimeText } from '../../components/time-text';
import { VERDICT_LOOKS, type Verdict } from '../../components/verdict-badge';
import { bytes, counted, grouped, percent } from '../../format/number';
import { capitalised, sourceName } from '../../format/source-words';
import { platformName } from '../../format/words';
import { hashOf } from '../../stores/route';

const VERDICTS: readonly Verdict[] = ['ready', 'caution', 'blocked'];

export function SourceSummaryStrip({ source }: { readonly source: SourceSummary }): React.JSX.Element {
  return (
    <div className="source-strip">
      <Devices source={source} />
      <Panel
        title={source.sample ? 'The sample' : 'The source'}
        aside={source.sample ? <Badge tone="info">Sample</Badge> : undefined}
      >
        <KeyValueList items={factsOf(source)} />
      </Panel>
    </div>
  );
}

function Devices({ source }: { readonly source: SourceSummary }): React.JSX.Element {
  const { counts, platforms } = source;
  const most = Math.max(1, ...platforms.map((row) => row.ready + row.caution + row.blocked));
  return (
    <Panel
      title={counted(counts.devices, 'device')}
      sentence={headline(source)}
      aside={
        <a className="source-link" href={hashOf('devices')}>
          All devices
          <ArrowRight size={14} aria-hidden />
        </a>
      }
    >
      <div className="source-devices">
        <StackedBar label="Devices by verdict" shares={sharesOf(counts)} legend={false} />
        <table className="source-platforms">
          <caption className="unseen">Devices by platform and verdict; each number opens those devices</caption>
          <thead>
            <tr>
              <th scope="col">Platform</th>
              <th scope="col">
                <span className="unseen">Share</span>
              </th>
              {VERDICTS.map((verdict) => (
                <th key={verdict} scope="col" className="source-number">
                  {VERDICT_LOOKS[verdict].word}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {platforms.map((row) => (
              <tr key={row.platform}>
                <th scope="row">
                  <a href={devicesAt({ platform: row.platform })}>{platformName(row.platform)}</a>
                </th>
                <td className="source-bar-cell">
                  <div style={{ width: `${Math.max(2, ((row.ready + row.caution + row.blocked) / most) * 100)}%` }}>
                    <StackedBar label={platformName(row.platform)} shares={sharesOf(row)} legend={false} />
                  </div>
                </td>
                {VERDICTS.map((verdict) => (
                  <td key={verdict} className="source-number">
                    <Count count={row[verdict]} verdict={verdict} platform={row.platform} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">All</th>
              <td />
              {VERDICTS.map((verdict) => (
                <td key={verdict} className="source-number">
                  <Count count={counts[verdict]} verdict={verdict} />
                </td>
              ))}
            </tr>
          </tfoot>
        </table>
      </div>
    </Panel>
  );
}

function headline({ counts }: SourceSummary): string {
  const { devices, ready, withoutUdid } = counts;
  const parts = [
    devices === 0 ? 'No device is enrolled in this source.' : `${percent(ready, devices)} can move as they are.`,
  ];
  if (withoutUdid > 0) {
    parts.push(
      `${counted(withoutUdid, 'record')} without a UDID (known from DEP only) ${withoutUdid === 1 ? 'is' : 'are'} listed but not counted.`,
    );
  }
  return parts.join(' ');
}

function sharesOf(counts: Readonly<Record<Verdict, number>>): Share[] {
  return VERDICTS.map((verdict) => ({
    key: verdict,
    label: VERDICT_LOOKS[verdict].word.toLowerCase(),
    value: counts[verdict],
    tone: VERDICT_LOOKS[verdict].tone,
  }));
}

function devicesAt(query: Readonly<Record<string, string>>): string {
  return hashOf('devices', new URLSearchParams(query).toString());
}

interface CountProps {
  readonly count: number;
  readonly verdict: Verdict;
  readonly platform?: string;
}

function Count({ count, verdict, platform }: CountProps): React.JSX.Element {
  if (count === 0) return <span className="faint">0</span>;
  const { tone, word } = VERDICT_LOOKS[verdict];
  const where = platform === undefined ? '' : ` ${platformName(platform)}`;
  return (
    <a
      className={verdict === 'ready' ? undefined : `tone-${tone}`}
      href={devicesAt(platform === undefined ? { verdict } : { verdict, platform })}
      aria-label={`${grouped(count)}${where} ${word.toLowerCase()}`}
    >
      {grouped(count)}
    </a>
  );
}

function factsOf(source: SourceSummary): KeyValue[] {
  const { path, kind, readAt, instant, size, txid, retries, sha256, scepCa, push, profiles } = source;
  const file = [
    size === null ? null : bytes(size),
    txid === null ? null : `transaction ${grouped(txid)}`,
    retries === 0 ? null : `begun again ${counted(retries, 'time')}`,
  ].filter((part) => part !== null);
  return [
    // Of several the list above says it.
    ...(kind === 'several'
      ? []
      : [{ label: capitalised(sourceName(kind)), value: <span className="mono source-path">{path}</span> }]),
    {
      label: 'Read',
      value: (
        <>
          <TimeText at={readAt} />, newest contact <TimeText at={instant} />
        </>
      ),
    },
    ...(file.length > 0
      ? [
          {
            label: kind === 'micromdm' ? 'File' : 'Private copy',
            value: <span className="tabular">{file.join(' · ')}</span>,
          },
        ]
      : []),
    ...(sha256 === null ? [] : [{ label: 'SHA-256', value: <ShortId value={sha256} label="SHA-256" ends={8} /> }]),
    { label: 'SCEP CA', value: <Certificate kind={kind} of={scepCa} name={scepCa?.subject ?? ''} /> },
    {
      label: 'Push certificate',
      value: <Certificate kind={kind} of={push} name={push?.topic ?? push?.subject ?? ''} />,
    },
    {
      label: 'Profiles',
      value:
        profiles.length === 0 ? (
          <span className="muted">none</span>
        ) : (
          <details className="source-profiles">
            <summary>{counted(profiles.length, 'profile')}</summary>
            <ul>
              {profiles.map(({ identifier, displayName, signed }) => (
                <li key={identifier}>
                  {displayName ?? 'Without a name'} <span className="mono muted">{identifier}</span>
                  {signed && <span className="faint"> signed</span>}
                </li>
              ))}
            </ul>
          </details>
        ),
    },
  ];
}

interface CertificateProps {
  readonly kind: string;
  readonly of: { readonly notAfter: number; readonly keyMatches: boolean } | null;
  readonly name: string;
}

function Certificate({ kind, of, name }: CertificateProps): React.JSX.Element {
  if (of === null) return <Badge tone="bad">{kind === 'micromdm' ? 'Not in the source' : 'Not given'}</Badge>;
  return (
    <span className="source-certificate">
      <a href={hashOf('certificates')} title={name}>
        {name}
      </a>
      <span>
        until <TimeText at={of.notAfter} as="day" />
      </span>
      {!of.keyMatches && <Badge tone="bad">its key does not match</Badge>}
    </span>
  );
}
