/** The push certificate had again for the same topic: what can be done with what is left, what is sent, what came back. */
import { CheckCheck, FileSignature, ScanSearch } from 'lucide-react';
import { useState } from 'react';
import type { PushAssessmentShown, PushReplyShown } from '../../../contract/given-files';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { Dialog } from '../../components/dialog';
import { CheckField, ChoiceField, FieldRow, Fields, TextField } from '../../components/field';
import { FailurePanel } from '../../components/failure-panel';
import { KeyValueList } from '../../components/key-value-list';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { Prose } from '../../components/prose';
import { TimeText } from '../../components/time-text';
import { toast } from '../../components/toast';
import '../../components/stack.css';
import { perform, useCall } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { goTo } from '../../stores/route';
import type { Tone } from '../../components/tone';
import { GivenPile } from './given-pile';
import { choose, pileOf, takeUpGiven, useGiven } from './given-store';

const WAYS: Readonly<
  Record<PushAssessmentShown['way'], { readonly word: string; readonly sentence: string; readonly tone: Tone }>
> = {
  nothing: { word: 'Nothing to do', sentence: 'Certificate and key are both here.', tone: 'good' },
  download: { word: 'Download it again', sentence: 'The key is here; the certificate can be fetched.', tone: 'good' },
  renew: { word: 'Renew with this request', sentence: 'The request and its key are here.', tone: 'info' },
  'renew-new-key': {
    word: 'Renew with a new key',
    sentence: 'The old key is lost. A renewal may have another one: the topic stays that of Apple’s entry.',
    tone: 'caution',
  },
  'unknown-topic': { word: 'Topic unknown', sentence: 'Nothing at hand says which topic is meant.', tone: 'bad' },
};

export function PushRenewal(): React.JSX.Element {
  const hasPush = useAppState((state) => state.source !== null && state.source.push !== null);
  const [topic, setTopic] = useState('');
  const [assessment, setAssessment] = useState<PushAssessmentShown | null>(null);
  const [asking, setAsking] = useState(false);
  const assess = async (): Promise<void> => {
    setAssessment(await perform('certificates', 'push.assess', { topic: topic.trim() }));
  };
  return (
    <Panel
      title="Have the push certificate again"
      sentence="Without its key, or close to its end: Apple chooses the topic, and “Renew” on the existing entry keeps it, whatever key the request has. This says what can be done, makes what has to be sent, and checks what comes back."
    >
      <div className="stack">
        <GivenPile
          slot="push"
          label="What is left of it"
          hint={
            hasPush
              ? 'The source’s certificate, its key and the devices’ topic are known already. Add an old request or a key, if there is one.'
              : 'The old certificate, its request, its key: whatever there is.'
          }
        />
        {!hasPush && (
          <FieldRow>
            <TextField
              label="The devices’ topic"
              hint="Where neither a source nor the old certificate says it."
              placeholder="com.apple.mgmt.External.…"
              value={topic}
              onChange={setTopic}
              mono
            />
          </FieldRow>
        )}
        <div className="acts">
          <Button icon={ScanSearch} onClick={() => void assess()}>
            See what can be done
          </Button>
          <Button
            icon={FileSignature}
            onClick={() => {
              setAsking(true);
            }}
          >
            Make a request…
          </Button>
        </div>
        {assessment !== null && <Assessment assessment={assessment} />}
        <Reply topic={topic} />
      </div>
      <Dialog
        title="Request for the push certificate"
        opened={asking}
        onClose={() => {
          setAsking(false);
        }}
      >
        <RequestForm
          topic={topic}
          assessment={assessment}
          onClose={() => {
            setAsking(false);
          }}
        />
      </Dialog>
    </Panel>
  );
}

function Assessment({ assessment }: { readonly assessment: PushAssessmentShown }): React.JSX.Element {
  const { way, topic, sameTopic, notes, steps } = assessment;
  const { word, sentence, tone } = WAYS[way];
  return (
    <section className="stack" aria-label="What can be done">
      <KeyValueList
        items={[
          {
            label: 'Way',
            value: (
              <>
                <Badge tone={tone}>{word}</Badge> {sentence}
              </>
            ),
          },
          { label: 'Topic', value: <span className="mono">{topic ?? 'unknown'}</span> },
          {
            label: 'Same topic',
            value: { yes: 'Yes.', account: 'Yes, with the Apple account that made it.', unknown: 'Not known.' }[
              sameTopic
            ],
          },
        ]}
      />
      <ol className="steps">
        {steps.map((step) => (
          <li key={step}>
            <span>
              <Prose text={step} />
            </span>
          </li>
        ))}
      </ol>
      {notes.map(({ code, severity, sentence: what }) => (
        <ProblemNote key={code} plain severity={severity} what={what} code={code} />
      ))}
    </section>
  );
}

function Reply({ topic }: { readonly topic: string }): React.JSX.Element {
  const [reply, setReply] = useState<PushReplyShown | null>(null);
  const [used, setUsed] = useState(false);
  const cannot = useGiven(({ busy, piles }) =>
    busy ? 'Files are being read.' : pileOf(piles, 'reply') === null ? 'Add what Apple gave back first.' : null,
  );
  const check = async (): Promise<void> => {
    setUsed(false);
    setReply(await perform('certificates', 'push.check', { topic: topic.trim() }));
  };
  const use = async (): Promise<void> => {
    const answer = await perform('certificates', 'push.use', { topic: topic.trim() });
    if (answer === null) return;
    choose('push', 'files');
    setUsed(true);
    await takeUpGiven();
  };
  return (
    <>
      <GivenPile
        slot="reply"
        label="What Apple gave back"
        hint="The certificate from the portal, before it goes anywhere."
      />
      <div className="acts">
        <Button icon={CheckCheck} cannot={cannot} onClick={() => void check()}>
          Check what came back
        </Button>
      </div>
      {reply !== null && (
        <section className="stack" aria-label="What came back">
          <ProblemNote
            plain
            severity={reply.ok ? 'pass' : 'error'}
            what={reply.ok ? 'It may replace the old one.' : 'Do not use it.'}
          />
          <KeyValueList
            items={[
              { label: 'Subject', value: <span className="mono">{reply.subject}</span> },
              { label: 'Topic', value: <span className="mono">{reply.topic ?? 'none'}</span> },
              { label: 'Serial number', value: <span className="mono">{reply.serial}</span> },
              {
                label: 'Valid',
                value: (
                  <>
                    <TimeText at={reply.notBefore} as="day" /> to <TimeText at={reply.notAfter} as="day" />
                  </>
                ),
              },
            ]}
          />
          {reply.notes.map(({ code, severity, sentence }) => (
            <ProblemNote key={code} plain severity={severity} what={sentence} code={code} />
          ))}
          {reply.ok && (
            <div className="acts">
              <Button onClick={() => void use()}>Take it for Fleet</Button>
              {used && (
                <Button
                  variant="quiet"
                  onClick={() => {
                    goTo('certificates', 'view=fleet');
                  }}
                >
                  Bring it into Fleet
                </Button>
              )}
            </div>
          )}
        </section>
      )}
    </>
  );
}

type Key = 'own' | 'new';

interface RequestFormProps {
  readonly topic: string;
  readonly assessment: PushAssessmentShown | null;
  readonly onClose: () => void;
}

function RequestForm({ topic, assessment, onClose }: RequestFormProps): React.JSX.Element {
  const [key, setKey] = useState<Key>(assessment?.keyAtHand === true ? 'own' : 'new');
  const [again, setAgain] = useState(assessment?.requestUsable ?? false);
  const [vendor, setVendor] = useState(false);
  const [commonName, setCommonName] = useState('MDM push certificate');
  const [country, setCountry] = useState('');
  const [email, setEmail] = useState('');
  const { run, pending, failure } = useCall('push.request');
  const keeps = key === 'own' && again;
  const make = async (): Promise<void> => {
    const reply = await run({
      topic: topic.trim(),
      key,
      keepRequest: keeps,
      vendor,
      commonName: commonName.trim(),
      country: country.trim(),
      email: email.trim(),
    });
    if (!reply.ok || reply.value === null) return;
    const { folder, files, to } = reply.value;
    toast(
      `Saved ${files.join(', ')} in ${folder}`,
      to === 'vendor' ? 'the request goes to an MDM vendor, the key never' : 'upload the signed one at Apple’s portal',
    );
    await takeUpGiven();
    onClose();
  };
  return (
    <Fields>
      <ChoiceField
        label="Key"
        value={key}
        choices={[
          { value: 'new', label: 'Make a new one (RSA 2048)' },
          { value: 'own', label: 'The one at hand' },
        ]}
        onChange={setKey}
      />
      {key === 'own' && (
        <CheckField label="Send the request that is at hand once more" checked={again} onChange={setAgain} />
      )}
      {!keeps && (
        <>
          <TextField label="Common name" value={commonName} onChange={setCommonName} />
          <FieldRow>
            <TextField label="Country" hint="Two capital letters, if any." value={country} onChange={setCountry} />
            <TextField label="E-mail" hint="If any." value={email} onChange={setEmail} />
          </FieldRow>
        </>
      )}
      <CheckField
        label="Sign it as the MDM vendor"
        hint="Only for whoever has an MDM vendor certificate of Apple’s; everybody else sends the request to one."
        checked={vendor}
        onChange={setVendor}
      />
      {vendor && (
        <GivenPile
          slot="vendor"
          label="The MDM vendor’s files"
          hint="Its certificate, the certificates above it, and its key."
        />
      )}
      {failure !== null && <FailurePanel failure={failure} />}
      <p className="muted">
        The files go into a folder you choose, for you alone to read; none is overwritten. A new key cannot be made a
        second time: keep it.
      </p>
      <div className="dialog-actions">
        <Button onClick={onClose}>Cancel</Button>
        <Button icon={FileSignature} cannot={pending ? 'It is under way.' : null} onClick={() => void make()}>
          Choose a folder and save
        </Button>
      </div>
    </Fields>
  );
}
