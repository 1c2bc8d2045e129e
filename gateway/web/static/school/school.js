/** "School": what administrators set, answer, watch and stop for everybody at their school. */

import { byId } from "../dom.js";
import { Rooms } from "../rooms.js";
import { showErasing } from "./erasing.js";
import { showFormats } from "./formats.js";
import { showGuardians } from "./guardians.js";
import { showHolds } from "./holds.js";
import { showIncidents } from "./incidents.js";
import { showLawful } from "./lawful.js";
import { showNotices } from "./notices.js";
import { showPeople } from "./people.js";
import { showRequests } from "./requests.js";
import { showRetention } from "./retention.js";
import { showSuspensions } from "./suspensions.js";

const rooms = new Rooms(byId("school"), {
  formats: showFormats,
  retention: showRetention,
  people: showPeople,
  guardians: showGuardians,
  corrections: showRequests,
  notices: showNotices,
  incidents: showIncidents,
  suspensions: showSuspensions,
  holds: showHolds,
  lawful: showLawful,
  erasing: showErasing,
});

/** Show a room. */
export const show = (part, focus) => rooms.show(part, focus);
