// Where streams that broke off are taken up again.

/**
 * The events of one session. Their ids count from 1 in every session of every server, so that an id
 * which a gateway hands to the wrong one is an id there as well.
 */
export class EventStore {
  #events = [];

  async storeEvent(stream, message) {
    return String(this.#events.push({ stream, message }));
  }

  async getStreamIdForEventId(id) {
    return this.#events[Number(id) - 1]?.stream;
  }

  async replayEventsAfter(id, { send }) {
    const stream = await this.getStreamIdForEventId(id);
    const after = this.#events.map((event, at) => ({ ...event, id: String(at + 1) }));
    for (const event of after.slice(Number(id))) {
      if (event.stream === stream) await send(event.id, event.message);
    }
    return stream;
  }
}
