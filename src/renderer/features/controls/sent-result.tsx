/** What came of sending commands, and what became of them later. */
import { RefreshCw } from 'lucide-react';
import type { CommandsFollowed, CommandsSent } from '../../../contract/controls';
import { Button } from '../../components/button';
import { FailurePanel } from '../../components/failure-panel';
import { KeyValueList } from '../../components/key-value-list';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { ShortId } from '../../components/short-id';
import { TimeText } from '../../components/time-text';
import { counted, grouped } from '../../format/number';
import { useCall } from '../../hooks/use-call';
import '../../components/plain-table.css';

const FATES: Readonly<Record<keyof CommandsFollowed['counts'], string>> = {
  done: 'Done, says the device',
  fetched: 'Taken by the device',
  waiting: 'Still waiting',
  deferred: 'Deferred by the device',
  refused: 'Refused by the device',
  failed: 'Never taken by the server',
  unknown: 'Without an answer',
  dropped: 'Taken out of the old server’s queue unanswered',
  unasked: 'Sent; nobody was asked since',
};

export function SentResult({ sent }: { readonly sent: CommandsSent }): React.JSX.Element {
  const follow = useCall('commands.follow');
  const { counts, failures } = sent;
  return (
    <Panel
      title={sent.state === 'complete' ? 'Sent' : 'Stopped'}
      sentence={
        sent.why === null
          ? 'What is below is what the server took. What devices make of it shows later.'
          : `${sent.why} Send it again: it goes on with what is left.`
      }
      aside={
        <Button
          icon={RefreshCw}
          cannot={follow.pending ? 'The server is being asked.' : null}
          onClick={() => void follow.run({ journal: sent.journal })}
        >
          Ask what became of it
        </Button>
      }
    >
      <div className="stack">
        <KeyValueList
          items={[
            { label: 'Taken', value: counted(counts.sent, 'command') },
            ...(counts.failed > 0 ? [{ label: 'Refused', value: grouped(counts.failed) }] : []),
            ...(counts.unknown > 0 ? [{ label: 'Without an answer', value: grouped(counts.unknown) }] : []),
            ...(sent.already > 0 ? [{ label: 'Sent before', value: grouped(sent.already) }] : []),
            ...(sent.left > 0 ? [{ label: 'Not begun', value: grouped(sent.left) }] : []),
          ]}
        />
        {failures.length > 0 && (
          <ul className="problem-list" aria-label="Not taken">
            {failures.slice(0, 8).map(({ udid, subject, sentence }) => (
              <li key={`${udid} ${subject}`}>
                <ProblemNote plain severity="warning" what={sentence}>
                  <ShortId value={udid} label="UDID" />
                </ProblemNote>
              </li>
            ))}
          </ul>
        )}
        {follow.failure !== null && <FailurePanel failure={follow.failure} />}
        {follow.value !== null && <Followed followed={follow.value} />}
      </div>
    </Panel>
  );
}

function Followed({ followed }: { readonly followed: CommandsFollowed }): React.JSX.Element {
  const fates = (Object.keys(FATES) as (keyof typeof FATES)[]).filter((fate) => followed.counts[fate] > 0);
  return (
    <>
      <table className="plain-table" aria-label="What became of the commands">
        <tbody>
          {fates.map((fate) => (
            <tr key={fate}>
              <th scope="row">{FATES[fate]}</th>
              <td>{grouped(followed.counts[fate])}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="muted">
        {followed.asked ? `${followed.place} said so ` : `${followed.place} could not be asked `}
        <TimeText at={followed.at} />. The old server knows whether a command still waits; what a device answered goes
        to its webhook only.
      </p>
    </>
  );
}
