import test from 'ava';
import { ADDED_NS_MOST, measureMessages } from '../../bench/messages.js';

test('supervision adds little to a message', async (t) => {
  await measureMessages(2_000);
  const { bareNs, supervisedNs, queuedNs } = await measureMessages(20_000);
  t.log(
    `bare ${bareNs.toFixed(0)} ns, supervised ${supervisedNs.toFixed(0)} ns, queued ${queuedNs.toFixed(0)} ns`,
  );
  t.true(supervisedNs < bareNs + 10 * ADDED_NS_MOST);
  t.true(queuedNs < bareNs + 10 * ADDED_NS_MOST);
});
