/**
 * Rules that distinguish the names which providers give to the lines of their customers from the names which
 * people give to servers. Each line is a rule, as in a file of --names (smtp-delay(8)), and the first
 * matching rule decides. test/delay/plan/dynamic-names.txt has examples for each rule.
 *
 * A wrong guess delays a mail server each time, so no rule may match many names of mail servers. For that
 * reason some words only match next to a number.
 */
export const dynamicNames = `
# The name itself states it, whatever else it contains.
dynamic *|dynamic|*
dynamic *|dynamicip*
dynamic *|dialup|*
dynamic *|dialin|*

# Mail servers have such names, on the same lines as all other hosts.
ordinary *|mail*
ordinary *mail|*
ordinary *smtp*
ordinary *|mx|*.*
ordinary *|mta*
ordinary *relay*
ordinary *|outbound|*
ordinary *|static|*
ordinary *|bounce*
ordinary *|newsletter*
ordinary *|sender*

# The address, written out by a machine.
dynamic *{ip}*
dynamic *#-#-#-#*
dynamic *|#.#.#.#.*

# Kinds of lines and of customers that have no mail servers to speak of, number or not.
dynamic *|adsl|*
dynamic *|vdsl|*
dynamic *|xdsl|*
dynamic *|sdsl|*
dynamic *|dslam|*
dynamic *|pppoe|*
dynamic *|ppp|*
dynamic *|pptp|*
dynamic *|dial|*
dynamic *|dyn|*
dynamic *|dynip|*
dynamic *|dhcp|*
dynamic *|docsis|*
dynamic *|cablemodem|*
dynamic *|catv|*
dynamic *|cpe|*
dynamic *|broadband|*
dynamic *|wimax|*
dynamic *|gprs|*
dynamic *|umts|*
dynamic *|cgnat|*
dynamic *|cgn|*
dynamic *|ftth|*
dynamic *|fttx|*
dynamic *|gpon|*
dynamic *|fios|*
dynamic *|resnet|*
dynamic *|dorm|*
dynamic *|hotspot|*
dynamic *|unassigned|*
dynamic *|unallocated|*

# Words that servers have too: only beside a number of their own.
dynamic *|dsl|* *#*
dynamic *|cable|* *#*
dynamic *|modem|* *#*
dynamic *|pool|* *#*
dynamic *|pools|* *#*
dynamic *|cust|* *#*
dynamic *|customer|* *#*
dynamic *|customers|* *#*
dynamic *|client|* *#*
dynamic *|clients|* *#*
dynamic *|user|* *#*
dynamic *|users|* *#*
dynamic *|subscriber|* *#*
dynamic *|subscribers|* *#*
dynamic *|subs|* *#*
dynamic *|abo|* *#*
dynamic *|res|* *#*
dynamic *|residential|* *#*
dynamic *|home|* *#*
dynamic *|wireless|* *#*
dynamic *|wifi|* *#*
dynamic *|wlan|* *#*
dynamic *|mobile|* *#*
dynamic *|lte|* *#*
dynamic *|nat|* *#*
dynamic *|fiber|* *#*
dynamic *|fibre|* *#*
dynamic *|fixip|* *#*
dynamic *|hfc|* *#*
dynamic *|vpn|* *#*

# All others.
ordinary *
`
