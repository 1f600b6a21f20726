/**
 * Which names a provider gives to the lines of its customers, and which people give to
 * servers: a rule a line, as in a file of --names (smtp-delay(8)); the first one that fits
 * decides. Below a rule stand addresses and names that this very rule must decide, and
 * the tests run all of them: those below `dynamic` must match, those below `ordinary` must
 * not. They follow the patterns of providers; where an address is written out it is one
 * of the networks for documentation (RFC 5737, RFC 3849).
 *
 * A wrong guess costs a mail server some seconds each time: a rule that also fits names
 * of mail servers is not worth it, and some words count only beside a number.
 */
export const dynamicNames = `
# It says so itself, whatever else it says.
dynamic *|dynamic|*
  203.0.113.77 203-0-113-77.dynamic.example.net
  203.0.113.77 dynamic-203-0-113-77.ipv4.broadband.example.com
  203.0.113.77 ip-203-000-113-077.um05.pools.dynamic.unitymedia.biz
  203.0.113.77 77.113.0.203.dynamic.jazztel.es
  203.0.113.77 203.0.113.77.dynamic.barak-online.net
  203.0.113.77 cable-dynamic-203-0-113-77.shinternet.ch
  203.0.113.77 77.113.0.203.broad.bj.bj.dynamic.163data.com.cn
  203.0.113.77 203-0-113-77.dynamic-ip.hinet.net
  203.0.113.77 203-0-113-77.dynamic.kabel-deutschland.de
  203.0.113.77 lns-bzn-12-dynamic-77.adsl.example.fr
  203.0.113.77 host77-113-dynamic.0-203-r.retail.telecomitalia.it
  203.0.113.77 203-0-113-77.adsl-dynamic.example.be
  203.0.113.77 host77.dynamic.mail.example.net
dynamic *|dynamicip*
  203.0.113.77 77-113.dynamicip.rima-tde.net
  203.0.113.77 dynamicip-203-0-113-77.pppoe.irknet.ru
dynamic *|dialup|*
  203.0.113.77 dialup-203-0-113-77.dial1.level3.net
  203.0.113.77 ppp77.dialup.example.com.au
  203.0.113.77 77.dialup.usa.net
dynamic *|dialin|*
  203.0.113.77 dialin-203-000-113-077.pools.arcor-ip.net
  203.0.113.77 host77.dialin.uni.example.edu

# People who run mail servers say so, on the same lines as everybody else.
ordinary *|mail*
  192.0.2.25 192-0-2-25.mail-mail.facebook.com
  192.0.2.25 mail.example.org
  192.0.2.25 mail-192-0-2-25.example.net
  192.0.2.25 mail25.adsl.example.com
  192.0.2.25 mailout-3.customer.example.de
  192.0.2.25 mail-ed1-f41.google.com
  192.0.2.25 mail-yb1-f181.google.com
  192.0.2.25 mail-am6eur05on2044.outbound.protection.outlook.com
  192.0.2.25 mail-bn7nam10on2081.outbound.protection.outlook.com
  192.0.2.25 mail11.atl11.rsgsv.net
  192.0.2.25 mail50.suw13.mcdlv.net
  192.0.2.25 mailgw1.pool.example.edu
  192.0.2.25 mailer7.dyn.example.com
  192.0.2.25 mailrelay12.users.example.net
  192.0.2.25 mail6.bemta25.messagelabs.com
  192.0.2.25 mailserver.192-0-2-25.example.nl
  192.0.2.25 mailhub.res.example.edu
  192.0.2.25 mail.3g.example.co
ordinary *mail|*
  192.0.2.25 webmail2.cable.example.com
  192.0.2.25 192-0-2-25.qmail.example.net
  192.0.2.25 192-0-2-25.bulkmail.example.com
  192.0.2.25 vps-25.sendmail.example.net
  192.0.2.25 email-25.broadband.example.com
ordinary *smtp*
  192.0.2.25 a8-12.smtp-out.amazonses.com
  192.0.2.25 a11-34.smtp-out.eu-west-1.amazonses.com
  192.0.2.25 smtp.dsl.example.com
  192.0.2.25 smtp1.client.example.net
  192.0.2.25 smtp-192-0-2-25.example.org
  192.0.2.25 smtpout25.wireless.example.com
  192.0.2.25 smtp5-g21.free.fr
  192.0.2.25 smtp-25.smtpout.orange.fr
  192.0.2.25 192-0-2-25-smtp.broadband.example.co.uk
  192.0.2.25 vsmtp12.tin.it
  192.0.2.25 esmtp15.mobile.example.de
ordinary *|mx|*.*
  192.0.2.25 mx.example.org
  192.0.2.25 mx1.dsl.example.net
  192.0.2.25 mx-192-0-2-25.example.com
  192.0.2.25 192-0-2-25.mx.example.com
  192.0.2.25 mx0a-001b2d01.pphosted.com
  192.0.2.25 mx0b-00123456.pphosted.com
  192.0.2.25 mx10.pool.example.edu
  192.0.2.25 mx2.customer.example.ch
ordinary *|mta*
  192.0.2.25 mta-192-0-2-25.sparkpost.example.com
  192.0.2.25 mta21.broadband.example.com
  192.0.2.25 mta4.users.example.com
  192.0.2.25 mtaout-192-0-2-25.example.com
ordinary *relay*
  192.0.2.25 relay1.fiber.example.net
  192.0.2.25 relay-192-0-2-25.example.net
  192.0.2.25 relay6-d.mobile.example.net
  192.0.2.25 outrelay03.libero.example.it
ordinary *|outbound|*
  192.0.2.25 192-0-2-25.outbound.example.com
  192.0.2.25 outbound12.client.example.com
  192.0.2.25 outbound-192-0-2-25.example.net
ordinary *|static|*
  192.0.2.25 static.25.2.0.192.clients.your-server.de
  192.0.2.25 static-192-0-2-25.nycmny.fios.verizon.net
  192.0.2.25 192-0-2-25.static.example.net
  192.0.2.25 192-0-2-25-static.hfc.comcastbusiness.net
  192.0.2.25 host-192-0-2-25-static.midco.net
  192.0.2.25 192.0.2.25.static.quadranet.com
  192.0.2.25 static-192-0-2-25.ipcom.comunitel.net
  192.0.2.25 25.2.0.192.static.wline.lns.sme.cust.swisscom.ch
  192.0.2.25 static-25.dsl.cavtel.net
  192.0.2.25 ip192-0-2-25.static.ctinets.com
ordinary *|bounce*
  192.0.2.25 bounce-192-0-2-25.example.com
  192.0.2.25 bounces25.customer.example.com
ordinary *|newsletter*
  192.0.2.25 newsletter-192-0-2-25.example.com
  192.0.2.25 newsletters7.pool.example.org
ordinary *|sender*
  192.0.2.25 sender-192-0-2-25.example.com
  192.0.2.25 sender25.pool.example.com

# The address, written out by a machine.
dynamic *{ip}*
  203.0.113.77 203-0-113-77.example.net
  203.0.113.77 203.0.113.77.example.net
  203.0.113.77 77.113.0.203.in-addr.arpa
  203.0.113.77 c-203-0-113-77.hsd1.ca.comcast.net
  203.0.113.77 pool-203-0-113-77.nycmny.fios.verizon.net
  203.0.113.77 cpe-203-0-113-77.nyc.res.rr.com
  203.0.113.77 pcb00714d.dip0.t-ipconnect.de
  203.0.113.77 hsi-kbw-203-0-113-77.hsi.kabel-badenwuerttemberg.de
  203.0.113.77 ip-203-0-113-77.hsi05.unitymediagroup.de
  203.0.113.77 host203-0-113-77.range203-0.btcentralplus.com
  203.0.113.77 203-0-113-77.bb.dnainternet.fi
  203.0.113.77 203-0-113-77.tampa.biz.rr.com
  203.0.113.77 203-0-113-77.lightspeed.sntcca.sbcglobal.net
  203.0.113.77 adsl-203-0-113-77.dsl.pltn13.sbcglobal.net
  203.0.113.77 host-203-0-113-77.business.telecomitalia.it
  203.0.113.77 net-203-0-113-77.cust.vodafonedsl.it
  203.0.113.77 203-0-113-77.abo.bbox.fr
  203.0.113.77 77.113.0.203.rev.sfr.net
  203.0.113.77 ip-203-0-113-77.dsl.scarlet.be
  203.0.113.77 203.0.113.77.adsl.online.nl
  203.0.113.77 203-0-113-77.fixed.kpn.net
  203.0.113.77 h-203-0-113-77.a163.priv.bahnhof.se
  203.0.113.77 203-0-113-77-no600.tbcn.telia.com
  203.0.113.77 203.0.113.77.customer.cdi.no
  203.0.113.77 ip-203-0-113-77.net.upcbroadband.cz
  203.0.113.77 203-0-113-77.pool.digikabel.hu
  203.0.113.77 catv-203-0-113-77.catv.broadband.hu
  203.0.113.77 203-0-113-77.ip.btc-net.bg
  203.0.113.77 203-0-113-77.pool.ukrtel.net
  203.0.113.77 ip-203-0-113-77.bb.netbynet.ru
  203.0.113.77 bzq-203-0-113-77.red.bezeqint.net
  203.0.113.77 203.0.113.77.tmi.telenormobil.no
  203.0.113.77 203-0-113-77.dhcp.embarqhsd.net
  203.0.113.77 cpe-203-0-113-77.vic.asp.telstra.net
  203.0.113.77 203-0-113-77.tpgi.com.au
  203.0.113.77 203-0-113-77.jetstream.xtra.co.nz
  203.0.113.77 203-0-113-77.user.veloxzone.com.br
  203.0.113.77 203.0.113.77.user.ajato.com.br
  203.0.113.77 dsl-203-0-113-77-dyn.prod-infinitum.com.mx
  203.0.113.77 softbank203000113077.bbtec.net
  203.0.113.77 zaqcb00714d.zaq.ne.jp
  203.0.113.77 ntkngw-cb00714d.kngw.nt.example.ne.jp
  203.0.113.77 abts-north-dyn-077-113-000-203.airtelbroadband.in
  203.0.113.77 203-0-113-77.live.vodafone.in
  203.0.113.77 cm-203-0-113-77.revip13.asianet.co.th
  203.0.113.77 203x0x113x77.ap203.ftth.ucom.ne.jp
  203.0.113.77 host_203_0_113_77.example.com
  203.0.113.77 3405803853.dsl.example.net
  203.0.113.77 CPE-203-0-113-77.CABLE.EXAMPLE.CA
  203.0.113.77 ec2-203-0-113-77.compute-1.amazonaws.com
  203.0.113.77 203-0-113-77.ip.linodeusercontent.com
  203.0.113.77 203.0.113.77.vultrusercontent.com
  203.0.113.77 77.113.0.203.bc.googleusercontent.com
  2001:db8:12:34:5678:9abc:def0:1234 2001-db8-12-34-5678-9abc-def0-1234.res6.example.net
  2001:db8:12:34:5678:9abc:def0:1234 2001-0db8-0012-0034-5678-9abc-def0-1234.dsl6.example.com
  2001:db8:12:34:5678:9abc:def0:1234 p20010db80012003456789abcdef01234.dip0.t-ipconnect.de
  2001:db8:12:34:5678:9abc:def0:1234 4.3.2.1.0.f.e.d.c.b.a.9.8.7.6.5.4.3.0.0.2.1.0.0.8.b.d.0.1.0.0.2.ip6.arpa
  2001:db8:12:34:5678:9abc:def0:1234 56789abcdef01234.ipv6.example.org
dynamic *#-#-#-#*
  203.0.113.77 198-51-100-9.example.net
  203.0.113.77 host-198-51-100-9.example.com
  203.0.113.77 77.203-0-113-0.example.no
dynamic *|#.#.#.#.*
  203.0.113.77 198.51.100.9.example.net
  203.0.113.77 ip.198.51.100.9.example.com

# Kinds of lines and of customers that have no mail servers to speak of, number or not.
dynamic *|adsl|*
  203.0.113.77 adsl-77.example.net
  203.0.113.77 host77.adsl.example.fr
  203.0.113.77 77-113.adsl.cust.tie.cl
dynamic *|vdsl|*
  203.0.113.77 vdsl-77.example.de
  203.0.113.77 port77.vdsl.example.ch
dynamic *|xdsl|*
  203.0.113.77 77.xdsl.is
  203.0.113.77 xdsl-113-77.example.de
dynamic *|sdsl|*
  203.0.113.77 sdsl77.example.de
dynamic *|dslam|*
  203.0.113.77 dslam-77.example.net
dynamic *|pppoe|*
  203.0.113.77 pppoe-77.example.ru
  203.0.113.77 77.pppoe.example.ua
dynamic *|ppp|*
  203.0.113.77 ppp-113-77.example.gr
  203.0.113.77 ppp77.ras.example.net
dynamic *|pptp|*
  203.0.113.77 pptp-77.example.ru
dynamic *|dial|*
  203.0.113.77 dial-77.example.br
  203.0.113.77 77.dial.example.net
dynamic *|dyn|*
  203.0.113.77 77-113.dyn.example.net
  203.0.113.77 dyn-77.example.com
  203.0.113.77 p77.dyn.plus.net
dynamic *|dynip|*
  203.0.113.77 dynip-77.example.net
dynamic *|dhcp|*
  203.0.113.77 dhcp-113-77.example.edu
  203.0.113.77 77.dhcp.example.se
dynamic *|docsis|*
  203.0.113.77 docsis-77.example.com
dynamic *|cablemodem|*
  203.0.113.77 cablemodem77.example.com
dynamic *|catv|*
  203.0.113.77 catv-77.example.jp
dynamic *|cpe|*
  203.0.113.77 cpe77.example.com
  203.0.113.77 x77.cpe.ams.example.nl
dynamic *|broadband|*
  203.0.113.77 broadband-77.example.co.uk
  203.0.113.77 77.broadband.corbina.ru
dynamic *|wimax|*
  203.0.113.77 wimax-77.example.net
dynamic *|gprs|*
  203.0.113.77 gprs77.example.hr
dynamic *|umts|*
  203.0.113.77 umts-77.example.de
dynamic *|cgnat|*
  203.0.113.77 cgnat-77.example.es
dynamic *|cgn|*
  203.0.113.77 cgn-77.example.net
dynamic *|ftth|*
  203.0.113.77 ftth-77.example.jp
  203.0.113.77 77.ftth.example.nl
dynamic *|fttx|*
  203.0.113.77 fttx-77.example.ru
dynamic *|gpon|*
  203.0.113.77 gpon-77.example.lt
dynamic *|fios|*
  203.0.113.77 lstn77.fios.example.net
dynamic *|resnet|*
  203.0.113.77 resnet-77.example.edu
dynamic *|dorm|*
  203.0.113.77 dorm-77.example.edu
dynamic *|hotspot|*
  203.0.113.77 hotspot-77.example.com
dynamic *|unassigned|*
  203.0.113.77 unassigned.example.net
  203.0.113.77 unassigned-77.example.net
dynamic *|unallocated|*
  203.0.113.77 unallocated.example.net

# Words that servers have too: only beside a number of their own.
dynamic *|dsl|* *#*
  203.0.113.77 dsl-77.example.net
  203.0.113.77 c77.dsl.example.it
  203.0.113.77 113-77.dsl.example.de
dynamic *|cable|* *#*
  203.0.113.77 cable-77.example.ch
  203.0.113.77 77.cable.example.ee
dynamic *|modem|* *#*
  203.0.113.77 modem77.example.com
dynamic *|pool|* *#*
  203.0.113.77 pool-77.example.net
  203.0.113.77 p77.pool.example.de
dynamic *|pools|* *#*
  203.0.113.77 77.pools.example.net
dynamic *|cust|* *#*
  203.0.113.77 cust-77.example.net
  203.0.113.77 h77.cust.tele2.example.se
dynamic *|customer|* *#*
  203.0.113.77 customer-113-77.example.mx
  203.0.113.77 77.customer.example.se
dynamic *|customers|* *#*
  203.0.113.77 77.customers.tmcz.example.cz
dynamic *|client|* *#*
  203.0.113.77 client-77.example.net
dynamic *|clients|* *#*
  203.0.113.77 113-77.clients.example.ru
dynamic *|user|* *#*
  203.0.113.77 user-77.example.net
  203.0.113.77 a77.user.example.com.br
dynamic *|users|* *#*
  203.0.113.77 77.users.example.ru
dynamic *|subscriber|* *#*
  203.0.113.77 subscriber-77.example.net
dynamic *|subscribers|* *#*
  203.0.113.77 77.subscribers.example.is
dynamic *|subs|* *#*
  203.0.113.77 77.subs.example.hu
dynamic *|abo|* *#*
  203.0.113.77 77.abo.wanadoo.example.fr
dynamic *|res|* *#*
  203.0.113.77 77.res.example.com
dynamic *|residential|* *#*
  203.0.113.77 residential-77.example.ca
dynamic *|home|* *#*
  203.0.113.77 home-77.example.pl
  203.0.113.77 77.home.example.se
dynamic *|wireless|* *#*
  203.0.113.77 wireless-77.example.com
dynamic *|wifi|* *#*
  203.0.113.77 wifi-77.example.edu
dynamic *|wlan|* *#*
  203.0.113.77 wlan-77.example.edu
dynamic *|mobile|* *#*
  203.0.113.77 mobile-113-77.example.ch
  203.0.113.77 77.mobile.example.dk
dynamic *|lte|* *#*
  203.0.113.77 lte-77.example.ru
dynamic *|nat|* *#*
  203.0.113.77 nat-77.example.ru
dynamic *|fiber|* *#*
  203.0.113.77 fiber-77.example.net
dynamic *|fibre|* *#*
  203.0.113.77 fibre77.example.co.nz
dynamic *|fixip|* *#*
  203.0.113.77 fixip-77.example.it
dynamic *|hfc|* *#*
  203.0.113.77 77.hfc.example.com
dynamic *|vpn|* *#*
  203.0.113.77 vpn-113-77.example.edu

# Some providers by name.
dynamic *.dip#.t-ipconnect.de
  203.0.113.77 pd9e1a2b3.dip0.t-ipconnect.de
  203.0.113.77 p57aa12f4.dip0.t-ipconnect.de
dynamic *.hsd#.*.comcast.net
  203.0.113.77 c-198-51-100.hsd1.ma.comcast.net
dynamic *.fbx.proxad.net
  203.0.113.77 abc01-1-88.fbx.proxad.net
  203.0.113.77 def92-3-82.fbx.proxad.net
dynamic *.bb.sky.com
  203.0.113.77 5ac8b2d1.bb.sky.com
dynamic *.skybroadband.com
  203.0.113.77 027d1a2b.skybroadband.com
dynamic *.ocn.ne.jp *|p#*
  203.0.113.77 p1234-ipngn100201marunouchi.tokyo.ocn.ne.jp
  203.0.113.77 p77-ipad01.osaka.ocn.ne.jp
dynamic *.virginm.net
  203.0.113.77 cpc77-sgyl1-2-0.18-2.virginm.net
dynamic *.bredband.comhem.se
  203.0.113.77 c-1a2b3c4d.bredband.comhem.se
dynamic *.elisa-laajakaista.fi
  203.0.113.77 a91-152.elisa-laajakaista.fi
dynamic *.netvigator.com
  203.0.113.77 n113077.netvigator.com

# All others.
ordinary *
  192.0.2.25 example-1.example.org
  192.0.2.25 lists.example.org
  192.0.2.25 lists1.example.edu
  192.0.2.25 ns1.example.net
  192.0.2.25 www.example.com
  192.0.2.25 web25.example.com
  192.0.2.25 server1.example.net
  192.0.2.25 srv25.example.org
  192.0.2.25 host.example.com
  192.0.2.25 host25.example.net
  192.0.2.25 vps25.example.com
  192.0.2.25 vps-abc123.vps.ovh.net
  192.0.2.25 vmi123456.contaboserver.net
  192.0.2.25 o1.ptr1234.sendgrid.net
  192.0.2.25 o25.e.example.com
  192.0.2.25 mout.kundenserver.de
  192.0.2.25 mout.gmx.net
  192.0.2.25 mout-xforward.web.de
  192.0.2.25 spring-chicken-ba.twitter.com
  192.0.2.25 spruce-goose-aa.twitter.com
  192.0.2.25 sonic315-21.consmr.ne1.yahoo.example.com
  192.0.2.25 sonic302-9.consmr.gq1.yahoo.example.com
  192.0.2.25 omta01.emeryville.ca.example.net
  192.0.2.25 resqmta-po-01v.sys.example.net
  192.0.2.25 fout-a5.example.net
  192.0.2.25 wout4.example.net
  192.0.2.25 w1.tutanota.de
  192.0.2.25 gate.example.de
  192.0.2.25 gateway25.example.com
  192.0.2.25 gw1.example.co.jp
  192.0.2.25 mgw2.example.ac.uk
  192.0.2.25 ironport1.example.gov
  192.0.2.25 barracuda.example.k12.us
  192.0.2.25 fortimx2.example.org.example.net
  192.0.2.25 esa1.example.iphmx.example.com
  192.0.2.25 esa5.hc123-45.iphmx.com
  192.0.2.25 eu-west-1.pphosted.example.com
  192.0.2.25 dispatch1-us1.ppe-hosted.com
  192.0.2.25 us-2.mimecast.example.com
  192.0.2.25 eu-delivery-25.mimecast.com
  192.0.2.25 d25.example-list.org
  192.0.2.25 vger.kernel.org
  192.0.2.25 lists.debian.org
  192.0.2.25 bendel.debian.org
  192.0.2.25 muffat.debian.org
  192.0.2.25 hermes.apache.org
  192.0.2.25 post.example.dk
  192.0.2.25 posti7.example.fi
  192.0.2.25 mxout-1.example.ch.example.net
  192.0.2.25 poczta.example.pl
  192.0.2.25 correo.example.es
  192.0.2.25 courrier.example.fr
  192.0.2.25 zimbra.example.edu
  192.0.2.25 exchange.example.com
  192.0.2.25 ex2019.example.local.example.com
  192.0.2.25 owa.example.com
  192.0.2.25 notes25.example.de
  192.0.2.25 groupwise.example.ca
  192.0.2.25 postfix.example.org
  192.0.2.25 exim4.example.org
  192.0.2.25 sendy25.example.com
  192.0.2.25 cloud25.example.com
  192.0.2.25 node3.cluster.example.net
  192.0.2.25 k8s-25.example.com
  192.0.2.25 db1.example.org
  192.0.2.25 crm.example.com
  192.0.2.25 shop.example.com
  192.0.2.25 erp7.example.de
  192.0.2.25 helpdesk.example.org
  192.0.2.25 jira.example.com
  192.0.2.25 git.example.org
  192.0.2.25 forum.example.org
  192.0.2.25 blog.example.org
  192.0.2.25 alerts25.example.com
  192.0.2.25 notifications.example.com
  192.0.2.25 noreply1.example.com
  192.0.2.25 em1234.example.com
  192.0.2.25 e25.en25.com
  192.0.2.25 r25.rs.example.com
  192.0.2.25 c25.ec-cluster.com
  192.0.2.25 g25.emarsys.net
  192.0.2.25 s25.csa1.acemsrv.com
  192.0.2.25 d217-25.acems1.com
  192.0.2.25 a25-75.example-delivery.com
  192.0.2.25 p25.mktdns.com
  192.0.2.25 xtinmta4208.xt.local.example.com
  192.0.2.25 cpanel12.example-host.com
  192.0.2.25 plesk3.example-host.de
  192.0.2.25 ded25.example-host.com
  192.0.2.25 dedi-77.your-server.example.de
  192.0.2.25 ip25.example-host.fr
  192.0.2.25 s1.example-host.it
  192.0.2.25 box5.example-host.com
  192.0.2.25 sp25.example-host.nl
  192.0.2.25 rs25.example-host.de
  192.0.2.25 h2345678.stratoserver.net
  192.0.2.25 v25.vserver.example.de
  192.0.2.25 lvps25.example-host.de
  192.0.2.25 euve12345.serverprofi24.de
  192.0.2.25 server12-77.example-host.co.uk
  192.0.2.25 premium25.web-hosting.com
  192.0.2.25 n1.netcup.example.net
  192.0.2.25 home.example.org
  192.0.2.25 wireless.example.com
  192.0.2.25 mobile.example.com
  192.0.2.25 cable.example.net
  192.0.2.25 pool.example.org
  192.0.2.25 client.example.com
  192.0.2.25 vpn.example.edu
  192.0.2.25 fiber.example.net
  192.0.2.25 2001-alerts.example.com
  192.0.2.25 3com.example.com
  192.0.2.25 1und1.example.de
  192.0.2.25 addyn.example.com
  192.0.2.25 dialogue.example.com
  192.0.2.25 dslreports.example.com
  192.0.2.25 pooled.example.com
  192.0.2.25 dynamics25.example.com
  192.0.2.25 dialab.example.net
  192.0.2.25 homer25.example.com
  192.0.2.25 natalie7.example.com
  192.0.2.25 customs25.example.gov
  192.0.2.25 fibers.example.net
  192.0.2.25 resort12.example.com
  192.0.2.25 users-group.example.org
`
