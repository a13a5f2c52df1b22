/** The name devices call: from the source, from a profile of a real device, or typed. */
import { FileBadge, X } from 'lucide-react';
import { Button, IconButton } from '../../components/button';
import { FieldRow, TextField } from '../../components/field';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { changeCutover, useCutoverDraft } from './cutover-draft';
import { useCutover } from './use-cutover';

export function OldName(): React.JSX.Element {
  const { draft } = useCutoverDraft();
  const { value: view, failure } = useCutover('cutover.view');
  const profile = draft.profile.split(/[\\/]/).at(-1) ?? '';
  return (
    <Panel
      title="The name devices call"
      sentence="They keep it for as long as they are enrolled. An enrollment profile of a real device tells name, paths, and which certificates devices were told to trust."
      aside={
        <Button icon={FileBadge} onClick={() => void perform('cutover', 'cutover.chooseProfile', undefined)}>
          {draft.profile === '' ? 'Choose a profile…' : 'Choose another profile…'}
        </Button>
      }
    >
      <div className="stack">
        <FieldRow>
          <TextField
            label="Host name"
            mono
            placeholder={view?.host ?? 'mdm.example.com'}
            value={draft.host}
            onChange={(host) => {
              changeCutover({ host });
            }}
          />
          <TextField
            label="Port"
            mono
            inputMode="numeric"
            placeholder={String(view?.port ?? 443)}
            value={draft.port}
            onChange={(port) => {
              changeCutover({ port });
            }}
          />
        </FieldRow>
        {view !== null && (
          <p className="cutover-known">
            {draft.profile === '' ? (
              'Paths: '
            ) : (
              <>
                <span className="mono" title={draft.profile}>
                  {profile}
                </span>
                <IconButton
                  icon={X}
                  label={`Put ${profile} away`}
                  onClick={() => void perform('cutover', 'cutover.dropProfile', undefined)}
                />
                {view.anchors === 0 ? 'no certificate of its own' : counted(view.anchors ?? 0, 'trusted certificate')}
                {'; paths: '}
              </>
            )}
            <code>{view.paths.connect}</code>{' '}
            {view.paths.checkIn !== view.paths.connect && <code>{view.paths.checkIn}</code>}{' '}
            {view.paths.scep !== null && <code>{view.paths.scep}</code>}
          </p>
        )}
        {view !== null && view.secondHost !== null && (
          <ProblemNote
            plain
            severity="warning"
            what={`Devices check in at ${view.secondHost}, which is another name.`}
            remedy="It must lead to Fleet as well, with a configuration and DNS records of its own."
            code="server-url-split"
          />
        )}
        {failure !== null && (
          <ProblemNote plain severity="error" what={failure.message} remedy={failure.remedy} code={failure.code} />
        )}
      </div>
    </Panel>
  );
}
