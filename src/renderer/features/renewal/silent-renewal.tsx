/** The profile Fleet renews migrated devices with: samples from devices, the profile, its check, when it will be used. */
import { useEffect } from 'react';
import { useAppState } from '../../stores/app-state';
import '../../components/stack.css';
import { CandidateCheck } from './candidate-check';
import { ProfileSamples } from './profile-samples';
import { RenewalForecast } from './renewal-forecast';
import { RenewalProfile } from './renewal-profile';
import { takeUpRenewal } from './renewal-store';

export function SilentRenewal(): React.JSX.Element {
  const about = useAppState(({ workspace, source }) => `${workspace?.path ?? ''} ${source?.readAt ?? ''}`);
  useEffect(() => {
    void takeUpRenewal();
  }, [about]);
  return (
    <>
      <ProfileSamples />
      <RenewalProfile />
      <CandidateCheck />
      <RenewalForecast />
    </>
  );
}
