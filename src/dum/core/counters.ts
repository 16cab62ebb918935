/** Plain numbers of a DialogUsageManager, changed in place. */
export class DumCounters {
  /** Calls begun, by us and by peers. */
  callsOut = 0
  callsIn = 0
  /** Requests refused because a limit of `DumLimits` was reached. */
  refusedByLimit = 0
  /** Requests and responses that belong to no dialog of ours. */
  strays = 0
  /** 2xx to an INVITE that came again. */
  acceptsAgain = 0
  /** What handlers threw, or rejected with. */
  handlerErrors = 0
  /** Duties that nobody fulfilled in time. */
  staleDuties = 0
  /** Messages of peers without a Contact that had to have one. */
  withoutContact = 0
}
