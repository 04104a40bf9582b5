#pragma once

#include <cstdint>
#include <optional>

#include "netlink/message_reader.h"
#include "netlink/message_writer.h"

namespace minuteman {

// The number that nf_tables raises with every change of its rules.
void writeGenerationRequest(MessageWriter& messages, uint32_t sequence);
std::optional<uint32_t> parseGeneration(const Message& message);

// The header of an ipset, which says how many entries it has. `protocol` is the ipset version spoken, 6 or 7.
void writeSetHeaderRequest(MessageWriter& messages, uint32_t sequence, uint8_t protocol, const char* name);
std::optional<uint32_t> parseSetSize(const Message& message);

// Puts a network of addresses (host order) into an ipset of type hash:net that has timeouts; one that is in it
// already gets the new timeout.
void writeSetNetworkRequest(MessageWriter& messages, uint32_t sequence, uint8_t protocol, const char* name,
                            uint32_t network, uint8_t prefixLength, uint32_t timeoutSeconds);

}  // namespace minuteman
