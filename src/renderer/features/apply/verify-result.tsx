/** What reading back found, and what exactly was compared. */
import type { VerifySummary } from '../../../contract/state';
import { Panel } from '../../components/panel';
import { SeverityIcon } from '../../components/severity-icon';
import { ShortId } from '../../components/short-id';
import { Stat, Stats } from '../../components/stat';
import { TimeText } from '../../components/time-text';
import { counted, grouped } from '../../format/number';
import { isClean } from './apply-standing';

const WORDS: Readonly<Record<string, string>> = {
  differs: 'differs',
  missing: 'is missing',
  extra: 'has rows too many',
  'touched-since': 'was touched since',
};

export function VerifyResult({ verified }: { readonly verified: VerifySummary }): React.JSX.Element {
  const { at, counts, compared, devices } = verified;
  const clean = isClean(verified);
  const wrong = devices.filter(({ state }) => state !== 'touched-since' && state !== 'same');
  return (
    <Panel
      title="Read back"
      aside={
        <span className="muted">
          <TimeText at={at} />
        </span>
      }
    >
      <div className="result">
        <p className="result-verdict" role="status">
          <SeverityIcon severity={clean ? 'pass' : 'fail'} size={18} />
          <span>{verdictOf(counts)}</span>
        </p>
        <p>{compared}</p>
        <Stats label="Read back">
          <Stat label="Same" value={counts.same} note={counted(counts.rows, 'row')} tone="good" />
          <Stat label="Differ" value={counts.differs} tone={counts.differs > 0 ? 'bad' : 'quiet'} />
          <Stat label="Missing" value={counts.missing} tone={counts.missing > 0 ? 'bad' : 'quiet'} />
          <Stat label="Rows too many" value={counts.extra} tone={counts.extra > 0 ? 'bad' : 'quiet'} />
          <Stat label="Touched since" value={counts.touchedSince} note="life, no error" tone="info" />
        </Stats>
        {wrong.length > 0 && <Different devices={wrong} />}
      </div>
    </Panel>
  );
}

function verdictOf({ devices, same, differs, missing, extra, touchedSince }: VerifySummary['counts']): string {
  if (differs + missing + extra === 0) {
    const touched =
      touchedSince === 0 ? '' : ` ${counted(touchedSince, 'device')} were touched by Fleet or the device since.`;
    return `${grouped(same)} of ${counted(devices, 'device')} are exactly as derived from the source.${touched}`;
  }
  const parts = [
    differs > 0 ? `${grouped(differs)} differ` : '',
    missing > 0 ? `${grouped(missing)} missing` : '',
    extra > 0 ? `${grouped(extra)} with rows too many` : '',
  ].filter((part) => part !== '');
  return `Of ${counted(devices, 'device')}: ${parts.join(', ')}; ${grouped(same)} are the same.`;
}

function Different({ devices }: Pick<VerifySummary, 'devices'>): React.JSX.Element {
  return (
    <div className="result-table" role="region" aria-label="Devices that differ" tabIndex={0}>
      <table>
        <caption>Devices that are other than they should be</caption>
        <thead>
          <tr>
            <th scope="col">UDID</th>
            <th scope="col">What</th>
            <th scope="col">Columns</th>
          </tr>
        </thead>
        <tbody>
          {devices.map(({ udid, state, columns }) => (
            <tr key={udid}>
              <td>
                <ShortId value={udid} label="UDID" ends={8} />
              </td>
              <td>{WORDS[state] ?? state}</td>
              <td className="mono">{columns.join(', ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
