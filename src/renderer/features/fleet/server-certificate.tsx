/** The certificate MySQL shows, looked at before it is trusted. Nothing is sent but the greeting. */
import { ShieldCheck, ShieldQuestion } from 'lucide-react';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { FailurePanel } from '../../components/failure-panel';
import { KeyValueList } from '../../components/key-value-list';
import { ShortId } from '../../components/short-id';
import { Skeleton } from '../../components/skeleton';
import { TimeText } from '../../components/time-text';
import { portOf } from '../../format/address';
import { useCall } from '../../hooks/use-call';
import { saveFleetDraft, type FleetDraft } from './fleet-draft';

export function ServerCertificate({ draft }: { readonly draft: FleetDraft }): React.JSX.Element {
  const { run, pending, failure, value } = useCall('fleet.certificate');
  const host = draft.host.trim();
  const port = portOf(draft.port);
  const cannot = host === '' ? 'Name the host first.' : port === null ? 'Set the port right first.' : null;
  return (
    <div className="fleet-shown" aria-live="polite">
      <div>
        <Button
          icon={ShieldQuestion}
          cannot={pending ? 'It is being asked.' : cannot}
          onClick={() => {
            // Main looks at it with the CA file that is saved.
            if (port !== null) void saveFleetDraft().then(() => run({ host, port }));
          }}
        >
          Show the server’s certificate
        </Button>
      </div>
      {pending && <Skeleton label="Asking the server for its certificate" lines={4} />}
      {failure !== null && <FailurePanel failure={failure} />}
      {value !== null && !pending && (
        <div className="fleet-certificate">
          {value.untrusted === null ? (
            <Badge tone="good" icon={ShieldCheck}>
              Trusted for {host}
            </Badge>
          ) : (
            <>
              <Badge tone="caution" icon={ShieldQuestion}>
                Not trusted as it is
              </Badge>
              <p>{value.untrusted}</p>
            </>
          )}
          <KeyValueList
            items={[
              { label: 'Subject', value: <span className="mono">{value.subject}</span> },
              { label: 'Issued by', value: <span className="mono">{value.issuer}</span> },
              {
                label: 'Names',
                value:
                  value.names.length === 0 ? (
                    <span className="muted">none, so its name cannot be checked</span>
                  ) : (
                    <span className="mono">{value.names.join(', ')}</span>
                  ),
              },
              {
                label: 'Valid',
                value: (
                  <>
                    <TimeText at={value.notBefore} as="day" /> to <TimeText at={value.notAfter} as="day" />
                  </>
                ),
              },
              { label: 'SHA-256', value: <ShortId value={value.sha256} label="SHA-256" ends={0} /> },
            ]}
          />
          <p className="muted">
            Compare the SHA-256 on the server itself:{' '}
            <code>openssl x509 -noout -fingerprint -sha256 -in server-cert.pem</code>
          </p>
        </div>
      )}
    </div>
  );
}
