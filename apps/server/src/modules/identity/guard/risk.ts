/** How unusual a sign-in is: pure decisions. */
import type { Place } from '../types.ts';
import type { Visit } from './store.ts';

/** What made a sign-in unusual, in the words of the trail. */
export type Reason = 'new-device' | 'new-country' | 'impossible-travel' | 'failures-before';

const WEIGHTS: Readonly<Record<Reason, number>> = {
  'new-device': 30,
  'new-country': 30,
  'impossible-travel': 40,
  'failures-before': 20,
};
const RISK_MAX = 100;

// An airliner, and what addresses are placed wrong by.
const SPEED_MAX_KMH = 1_000;
const DISTANCE_MIN_KM = 500;
// Where only countries are known: nobody is in two of them within this, but at a border.
const COUNTRIES_APART_SECONDS = 3_600;
const EARTH_RADIUS_KM = 6_371;

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Along the surface; undefined where one of the places has no coordinates. */
function distanceKm(a: Place, b: Place): number | undefined {
  if (a.latitude === undefined || a.longitude === undefined) return undefined;
  if (b.latitude === undefined || b.longitude === undefined) return undefined;
  const [north, east] = [radians(b.latitude - a.latitude), radians(b.longitude - a.longitude)];
  const h =
    Math.sin(north / 2) ** 2 + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(east / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(h));
}

/** Whether nobody could have come from the last place to this one in the time between. */
export function isImpossible(place: Place, last: Visit): boolean {
  const km = distanceKm(place, last);
  if (km === undefined) return place.country !== last.country && last.agoSeconds < COUNTRIES_APART_SECONDS;
  return km > DISTANCE_MIN_KM && km > (SPEED_MAX_KMH * last.agoSeconds) / 3_600;
}

/** What is unusual. The first device and the first country of a person are nothing to compare with. */
export function reasonsFor(visit: {
  readonly isNewDevice: boolean;
  readonly hadFailures: boolean;
  readonly place: Place | undefined;
  readonly last: Visit | undefined;
  readonly wasThere: boolean;
}): readonly Reason[] {
  const { place, last } = visit;
  const reasons: Reason[] = [];
  if (visit.isNewDevice) reasons.push('new-device');
  if (place && last && !visit.wasThere) reasons.push('new-country');
  if (place && last && isImpossible(place, last)) reasons.push('impossible-travel');
  if (visit.hadFailures) reasons.push('failures-before');
  return reasons;
}

export const riskOf = (reasons: readonly Reason[]): number =>
  Math.min(
    RISK_MAX,
    reasons.reduce((sum, reason) => sum + WEIGHTS[reason], 0),
  );
