/** Where the old server's own API is, and the key to it. */
import { SecretField } from '../../components/secret-field';
import { useAppState } from '../../stores/app-state';
import { SettingField } from './setting-field';

export function OldServerFields(): React.JSX.Element {
  const innerUrl = useAppState((state) => state.workspace?.settings.cutover.oldUrl ?? '');
  return (
    <>
      <SettingField
        name="oldUrl"
        label="The old server’s address"
        hint="Where its own API is: no load balancer’s."
        placeholder={innerUrl === '' ? 'https://mdm.example.com' : innerUrl}
      />
      <SecretField kind="source-api-key" label="The old server’s API key" fromFile />
    </>
  );
}
